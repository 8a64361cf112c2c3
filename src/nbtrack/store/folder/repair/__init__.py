"""The work of doctor: check a store, report what is damaged, and recover everything that can be read."""

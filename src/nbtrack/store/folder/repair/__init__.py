"""What doctor does: look a store over, say what is damaged, and bring back all that can be read."""

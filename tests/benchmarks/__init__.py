"""nbtrack beside other trackers, in one run on one machine: `make bench`. Figures are reported, never asserted."""

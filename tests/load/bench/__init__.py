"""`make bench`: what a call and a pickup cost, as ratios of one run on one machine."""

"""What a node counts of itself: each process in memory of its own, which that of `star87 run` reads and adds up."""

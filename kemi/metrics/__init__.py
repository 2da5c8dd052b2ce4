"""What a node counts of itself: each process in memory of its own, which the process of `star87 run` reads and adds up."""

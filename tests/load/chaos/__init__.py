"""`make chaos`: every fault under load, and what became of the calls and the pickups."""

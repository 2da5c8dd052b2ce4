"""Agent groups: callers wait in a queue until an agent is idle."""

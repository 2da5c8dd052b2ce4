"""Ways to take a foreign call, each tried on a real node: `make abuse`."""

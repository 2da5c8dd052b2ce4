"""Crossings: two things that happen to one call at about the same moment, played with many phones in one event loop."""

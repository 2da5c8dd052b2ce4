"""The attendant's console in a real browser."""

"""What an operator gave is of no use: where, and what to do about it."""

from __future__ import annotations


class BadInput(Exception):
    """Its text names the place and the remedy."""

"""Lamps: `Event: dialog` (RFC 4235). A watcher's phone shows what an account does, and picks up from it by a key.

Workers answer SUBSCRIBE and write the subscriptions down; one process of each node sends every NOTIFY (notifier.py),
by way of the node itself (Spiral), so that it has a transaction like any other.
"""

"""Telling systemd how far the node is (sd_notify(3)): one datagram to the socket that it names."""

from __future__ import annotations

import contextlib
import socket

from kemi.settings import notify_socket

READY = "READY=1"
STOPPING = "STOPPING=1"


def tell_systemd(state: str) -> None:
    """Does nothing where no service manager asked for it; one that has gone is no fault of the node's."""
    address = notify_socket()
    if not address:
        return
    # A name that begins with @ is in the abstract namespace.
    target = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode(), target)

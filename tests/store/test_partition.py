"""A network that lets nothing pass: what a worker has given up must not reach the store later, out of its order."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from kemi.errors import StoreUnavailable
from kemi.settings import Settings
from kemi.store import open_store
from tests.support.ports import LOOPBACK

WITHIN_S = 4.0


def test_given_a_store_that_is_silent_when_its_connection_is_given_up_then_nothing_of_it_is_delivered_later() -> None:
    """A connection that is closed in the ordinary way goes on delivering; one that is reset takes nothing any more."""
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = f"redis://{LOOPBACK}:{silent.getsockname()[1]}"
        settings = replace(Settings(), redis_url=url, redis_timeout_ms=300)
        with pytest.raises(StoreUnavailable):
            open_store(settings).ping()
        accepted, _ = silent.accept()
        with accepted:
            accepted.settimeout(WITHIN_S)
            assert b"FCALL_RO" in accepted.recv(4096), "what a connection begins with"
            assert accepted.recv(4096) == b""
            with pytest.raises(BrokenPipeError):
                accepted.sendall(b"+OK")

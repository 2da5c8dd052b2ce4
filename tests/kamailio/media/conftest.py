"""One node with one relay for each file of tests; `voices` are the audio of a test's phones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.media import WAIT_MS
from tests.support.node import Node
from tests.support.rtp import Voice
from tests.support.rtpengine import RtpEngine
from tests.support.tenants import Tenants


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtpEngine]:
    with RtpEngine(tmp_path_factory.mktemp("relay")) as relay:
        yield relay


@pytest.fixture(scope="module")
def node(tenants: Tenants, relay: RtpEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Stands for the node of conftest.py, that has no relay."""
    environment = {"STAR87_RTPENGINE": relay.address, "STAR87_RTPENGINE_WAIT_MS": str(WAIT_MS)}
    with Node(tmp_path_factory.mktemp("node"), tenants.document(), environment=environment) as node:
        yield node


@pytest.fixture
def voices() -> Iterator[list[Voice]]:
    with ExitStack() as open_voices:
        yield [_closed_by(open_voices, Voice()) for _ in range(4)]


def _closed_by(stack: ExitStack, voice: Voice) -> Voice:
    stack.callback(voice.close)
    return voice

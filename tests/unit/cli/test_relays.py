"""Media relays as an operator names them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.cli.processes import _defines
from kemi.cli.relays import relay_sockets
from kemi.settings import Settings


@pytest.mark.parametrize(
    ("text", "sockets"),
    [
        ("", ()),
        (" , ", ()),
        ("udp:127.0.0.1:22222", ("udp:127.0.0.1:22222",)),
        ("udp:192.0.2.1:1, udp:192.0.2.2:65535", ("udp:192.0.2.1:1", "udp:192.0.2.2:65535")),
        ("udp:192.0.2.1:1 udp:[2001:db8::1]:2", ("udp:192.0.2.1:1", "udp6:[2001:db8::1]:2")),
    ],
)
def test_given_sockets_when_read_then_they_are_as_the_module_takes_them(text: str, sockets: tuple[str, ...]) -> None:
    assert relay_sockets(text) == sockets


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:22222",
        "tcp:127.0.0.1:22222",
        "udp:127.0.0.1",
        "udp:127.0.0.1:0",
        "udp:127.0.0.1:65536",
        "udp:relay.example.com:22222",
        "udp:2001:db8::1:22222",
        "udp:[127.0.0.1]:22222",
        "udp::22222",
        "udp:127.0.0.1:22222;udp:127.0.0.2:22222",
        'udp:127.0.0.1:22222" X="',
    ],
)
def test_given_what_is_no_socket_when_read_then_it_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"relay is named|is no IP address|stands in brackets|the port is"):
        relay_sockets(text)


@given(st.text())
def test_given_any_text_when_read_then_nothing_that_it_yields_can_leave_its_quotes(text: str) -> None:
    try:
        sockets = relay_sockets(text)
    except ValueError:
        return
    assert not set("\"'\\\n") & set(" ".join(sockets))


def test_given_no_relay_when_kamailio_is_started_then_the_module_is_not_asked_for() -> None:
    assert not [define for define in _defines(Settings(), []) if define.startswith("RTPENGINE")]


def test_given_relays_when_kamailio_is_started_then_they_and_the_wait_are_defined() -> None:
    defines = _defines(Settings(rtpengine="udp:127.0.0.1:1,udp:127.0.0.1:2", rtpengine_wait_ms=70), [])
    assert 'RTPENGINE="udp:127.0.0.1:1 udp:127.0.0.1:2"' in defines
    assert "RTPENGINE_WAIT_MS=70" in defines

"""HTTP: a handshake on a WebSocket port, or a refusal."""

from __future__ import annotations

import pytest

from kemi.routing.websocket import WebSocketGate
from kemi.settings import Settings
from kemi.sip.flow import Flow
from tests.support.fake_sip import FakeMessage


class FakeHttp:
    def __init__(self, asks_for_websocket: bool) -> None:
        self.asks_for_websocket = asks_for_websocket
        self.did: list[object] = []

    def shake_hands(self) -> None:
        self.did.append("handshake")

    def refuse(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        assert reason
        assert (status == 426) is ("Upgrade: websocket" in headers)
        self.did.append(status)


@pytest.mark.parametrize(
    ("asks", "socket", "did"),
    [
        (True, "tcp:192.0.2.1:8080", "handshake"),
        (True, "tls:[2001:db8::1]:8443", "handshake"),
        (False, "tcp:192.0.2.1:8080", 426),
        (True, "tcp:192.0.2.1:5060", 404),
        (False, "tls:192.0.2.1:5061", 404),
        (True, "udp:192.0.2.1:8080", None),
    ],
)
def test_given_http_when_it_comes_then_a_stream_is_answered_once_and_only_a_handshake_on_its_port_is_taken(
    asks: bool, socket: str, did: object
) -> None:
    http = FakeHttp(asks)
    ports = Settings(websocket_ports="8080,8443").websocket_port_numbers
    message = FakeMessage(method="GET", flow=Flow(socket[:3], "192.0.2.9", 40000, socket))
    WebSocketGate(http, lambda: message, ports).answer()
    assert http.did == ([did] if did else [])


def test_given_no_websocket_address_when_the_setting_is_read_then_no_port_takes_a_handshake() -> None:
    assert Settings().websocket_port_numbers == frozenset()

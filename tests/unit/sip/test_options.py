"""OPTIONS for a server itself."""

from __future__ import annotations

import pytest

from kemi.cli.listen import Listen
from kemi.sip.options import options_request, reason_of, status_of


def test_given_a_probe_when_written_then_it_is_a_whole_request_for_the_server_itself() -> None:
    head, body = options_request("tcp", "[::1]:5060", "::1", 40000, "abc").split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "OPTIONS sip:[::1]:5060;transport=tcp SIP/2.0"
    assert "Via: SIP/2.0/TCP [::1]:40000;branch=z9hG4bKabc;rport" in lines
    assert {line.partition(":")[0] for line in lines[1:]} == {
        *("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Length")
    }
    assert body == b""


def test_given_a_probe_of_a_websocket_address_when_written_then_it_speaks_plain_sip() -> None:
    transport, _, target = Listen("wss", "127.0.0.1", 443).bound.partition(":")
    probe = options_request(transport, target, "127.0.0.1", 40000, "abc").decode()
    assert probe.startswith("OPTIONS sip:127.0.0.1:443;transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS ")


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"SIP/2.0 200 OK\r\n", 200, "OK"),
        (b"SIP/2.0 503 Not Yet\r\n", 503, "Not Yet"),
        (b"HTTP/1.1 200 OK", None, "OK"),
        (b"", None, ""),
    ],
)
def test_given_an_answer_when_read_then_only_a_sip_response_has_a_status(
    answer: bytes, status: int | None, reason: str
) -> None:
    assert (status_of(answer), reason_of(answer)) == (status, reason)

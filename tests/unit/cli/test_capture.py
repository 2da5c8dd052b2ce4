import json
from typing import Any

from kemi.cli.capture import messages_of

HEAD = 'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\nCall-ID: one@here\r\nWarning: 399 star87\r\n "folded"\r\n'


def frame(sip: Any, **layers: Any) -> dict[str, Any]:
    plain = {
        "frame": {"frame.time_epoch": "1700000000.250000000"},
        "ip": {"ip.src": "127.0.0.1", "ip.dst": "127.0.0.2"},
        "udp": {"udp.srcport": "5070", "udp.dstport": "5060"},
    }
    return {"_source": {"layers": {**(layers or plain), "sip": sip}}}


def request(line: str = "BYE sip:101@127.0.0.2 SIP/2.0") -> dict[str, str]:
    return {"sip.Request-Line": line, "sip.msg_hdr": HEAD + "\r\nv=0\r\nName: not a header\r\n"}


def test_given_a_datagram_when_read_then_it_is_a_message_with_unfolded_headers_and_without_its_body() -> None:
    (message,) = messages_of(json.dumps([frame(request())]))
    assert (message.source, message.target) == ("127.0.0.1:5070", "127.0.0.2:5060")
    assert message.at_s == 1700000000.25
    assert message.start_line == "BYE sip:101@127.0.0.2 SIP/2.0"
    assert message.call_id == "one@here"
    assert message.header("warning") == '399 star87 "folded"'
    assert message.header("Name") == ""
    assert message.transport == "udp"


def test_given_two_messages_in_one_segment_when_read_then_both_are_there() -> None:
    response = {"sip.Status-Line": "SIP/2.0 200 OK", "sip.msg_hdr": HEAD}
    tcp = frame(
        [request(), response],
        frame={"frame.time_epoch": "1700000000.0"},
        ipv6={"ipv6.src": "::1", "ipv6.dst": "::1"},
        tcp={"tcp.srcport": "40000", "tcp.dstport": "5060"},
    )
    first, second = messages_of(json.dumps([tcp]))
    assert first.is_request
    assert second.start_line == "SIP/2.0 200 OK"
    assert (second.source, second.target, second.transport) == ("[::1]:40000", "[::1]:5060", "tcp")


def test_given_a_keepalive_that_tshark_takes_for_sip_when_read_then_it_is_left_out() -> None:
    assert list(messages_of(json.dumps([frame({"sip.continuation": ""})]))) == []

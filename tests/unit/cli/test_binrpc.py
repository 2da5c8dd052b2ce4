"""BINRPC as Kamailio 5.6.3 was seen to speak it, and what is none."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from kemi.cli import binrpc, control
from kemi.cli.binrpc import BinrpcError, decode, encode
from kemi.cli.control import ControlFailed

STATISTICS = bytes.fromhex("03950863757272656e740000950877616974696e67000065746f74616c000083")
OK = bytes.fromhex("911f4f6b2e205661726961626c652073657420746f206e65772076616c75652e00")
NO_SUCH_COMMAND = bytes.fromhex("2001f49119636f6d6d616e64206e6f73756368206e6f7420666f756e6400")


def test_given_replies_of_kamailio_when_read_then_they_are_values() -> None:
    assert decode(STATISTICS) == [{"current": 0, "waiting": 0, "total": 0}]
    assert decode(OK) == ["Ok. Variable set to new value."]
    assert decode(NO_SUCH_COMMAND) == [500, "command nosuch not found"]
    assert decode(b"") == []


def test_given_every_kind_of_value_when_read_then_each_is_what_it_says() -> None:
    nested = b"\x03" + b"\x25a\0" + b"\x04" + b"\x10\x07" + b"\x22\x05\xdc" + b"\x26\x00\xff" + b"\x84" + b"\x83"
    assert decode(nested) == [{"a": [7, 1.5, b"\x00\xff"]}]
    assert decode(b"\xa1\x01\x2c" + b"x" * 299 + b"\0") == ["x" * 299]
    assert decode(b"\x40\xff\xff\xff\xff") == [0xFFFFFFFF]


@pytest.mark.parametrize(
    "body", [b"\x91", b"\x71abc", b"\x03\x25a\0", b"\x03\x25a\0\x83", b"\x83", b"\x0f", b"\xf1\x01", STATISTICS[:-1]]
)
def test_given_what_is_no_reply_when_read_then_it_is_refused(body: bytes) -> None:
    with pytest.raises(BinrpcError):
        decode(body)


def test_given_a_request_when_written_then_it_is_as_kamcmd_writes_it() -> None:
    written = encode(["pv.shvSet", "draining", "int", 300, 0])
    assert written[:7] == b"\xa1\x03" + bytes([len(written) - 7]) + binrpc.COOKIE
    assert decode(written[7:]) == ["pv.shvSet", "draining", "int", 300, 0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"\xa1\x33" + bytes([len(NO_SUCH_COMMAND)]) + b"star" + NO_SUCH_COMMAND, "command nosuch not found"),
        (b"\xa1\x13\x00else", "no reply to what was asked"),
        (b"\xa1\x1f\xff\xff\xff\xffstar", "no reply to what was asked"),
        (b"HTTP/1.1 200 OK", "no reply|too soon"),
        (b"\xa1", "too soon"),
        (b"", "too soon"),
    ],
)
def test_given_an_answer_that_is_none_when_asked_then_the_command_fails_in_one_line(
    tmp_path: Path, answer: bytes, said: str
) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "ctl.sock"))
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ControlFailed, match=said):
            control.ask(str(tmp_path), "nosuch")
        thread.join(5)


def test_given_nobody_or_one_who_says_nothing_when_asked_then_the_command_fails_in_time(tmp_path: Path) -> None:
    with pytest.raises(ControlFailed, match="cannot be asked"):
        control.ask(str(tmp_path), "tm.stats")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "ctl.sock"))
        server.listen()
        with pytest.raises(ControlFailed, match=r"did not answer tm\.stats within 0\.1 s"):
            control.ask(str(tmp_path), "tm.stats", within_s=0.1)

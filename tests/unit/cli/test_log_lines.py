"""Lines of JSON out of whatever a process says."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kemi.cli.log_lines import LINE_MOST, Pump, json_scribe

CALL_ID = "a\"b\\c{}'%@x"
HEX = f"{b'7 INVITE'.hex()} {CALL_ID.encode().hex()}"
LINE = (
    '{ "idx": 3, "pid": 42, "level": "ERROR", "module": "core", "file": "x.c", "line": 1, "function": "f",'
    f' "logprefix": "{HEX} ", "message": "it failed\\n" }}'
)


def test_given_a_line_of_kamailio_when_written_then_it_has_node_time_and_call() -> None:
    entry = json.loads(json_scribe("n1", "kamailio")(LINE.encode()))
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "node": "n1",
        "program": "kamailio",
        "level": "error",
        "message": "it failed",
        "pid": 42,
        "module": "core",
        "function": "f",
        "cseq": "7 INVITE",
        "call_id": CALL_ID,
    }


def test_given_a_line_outside_of_any_call_when_written_then_it_names_none() -> None:
    for prefix in ("", "<null> <null>", "zz 11", "31"):
        entry = json.loads(json_scribe("n", "kamailio")(LINE.replace(f"{HEX} ", prefix).encode()))
        assert "call_id" not in entry
        assert entry["message"] == "it failed"


@given(st.binary().filter(lambda line: b"\n" not in line))
def test_given_any_bytes_when_written_then_they_are_one_line_of_json(line: bytes) -> None:
    for program in ("kamailio", "redis"):
        written = json_scribe("n", program)(line)
        assert b"\n" not in written
        assert {"time", "node", "program", "level", "message"} <= json.loads(written).keys()


def test_given_pieces_when_pumped_then_every_line_is_whole_and_the_last_one_needs_no_end(tmp_path: Path) -> None:
    source, writer = os.pipe()
    target = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    pump = Pump(source, target, lambda line: b"<" + line + b">")
    pump.start()
    for piece in (b"on", b"e\n\ntw", b"o\nthr", b"ee"):
        os.write(writer, piece)
    os.close(writer)
    pump.join(10)
    assert (tmp_path / "log").read_bytes() == b"<one>\n<two>\n<three>\n"


def test_given_a_log_that_cannot_be_written_when_pumped_then_nobody_waits() -> None:
    source, writer = os.pipe()
    # Full from the first byte on.
    pump = Pump(source, os.open("/dev/full", os.O_WRONLY), lambda line: line)
    pump.start()
    for _ in range(20):
        os.write(writer, b"x" * LINE_MOST + b"\n")
    os.close(writer)
    pump.join(10)
    assert not pump.is_alive()

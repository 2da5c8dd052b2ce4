"""Logs as JSON, one object a line: what Kamailio, Redis and `star87 run` say, with the node's name, time and Call-ID.

Kamailio says its lines in JSON itself (`--log-engine=json`), so that what came over the network begins no new line.
What names the call is not escaped there: kamailio.cfg writes it in hexadecimal digits (log_prefix).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

KAMAILIO_ENGINE = "json:M"
LINE_MOST = 64 * 1024
Scribe = Callable[[bytes], bytes]
"""Makes a line of JSON of a line that a process has said; neither has its end."""


def json_scribe(node: str, program: str) -> Scribe:
    """For what a process of the node says; `program` is its name."""

    def scribe(line: bytes) -> bytes:
        said = line.decode("utf-8", "replace").rstrip("\r")
        entry = _kamailio_entry(said) if program == "kamailio" else {}
        return _written(node, program, entry or {"level": "info", "message": said})

    return scribe


class Sayings:
    """What `star87 run` says on stderr while it runs."""

    def __init__(self, node: str, log_format: str) -> None:
        self._node, self._is_json = node, log_format == "json"

    def say(self, text: str) -> None:
        line = _written(self._node, "star87", {"level": "notice", "message": text}) if self._is_json else text.encode()
        print(line.decode(), file=sys.stderr, flush=True)


class Pump(threading.Thread):
    """Takes lines from one end of a pipe and appends them, as the scribe writes them, to a file.

    Whatever becomes of the file, the pipe is emptied: no process of the node ever waits for its log.
    """

    def __init__(self, source: int, target: int, scribe: Scribe) -> None:
        """Both descriptors are closed when every writer of the pipe has closed it."""
        super().__init__(name="log", daemon=True)
        self._source, self._target, self._scribe = source, target, scribe

    def run(self) -> None:
        rest = b""
        while part := os.read(self._source, LINE_MOST):
            *lines, rest = (rest + part).split(b"\n")
            if len(rest) > LINE_MOST:
                lines, rest = [*lines, rest], b""
            self._write(lines)
        self._write([rest])
        os.close(self._source)
        os.close(self._target)

    def _write(self, lines: list[bytes]) -> None:
        written = b"".join(self._scribe(line) + b"\n" for line in lines if line.strip())
        with contextlib.suppress(OSError):
            os.write(self._target, written)


def _kamailio_entry(said: str) -> dict[str, Any]:
    """Empty for what is no line of the JSON engine: Kamailio says a few things before it has one."""
    try:
        found = json.loads(said, strict=False)
        entry = {"level": str(found["level"]).lower(), "message": str(found["message"]).rstrip("\n")}
    except (ValueError, TypeError, KeyError):
        return {}
    entry |= {name: found[name] for name in ("pid", "module", "function") if name in found}
    words = str(found.get("logprefix", "")).split()
    if len(words) == 2:
        with contextlib.suppress(ValueError):
            cseq, call_id = (bytes.fromhex(word).decode("utf-8", "replace") for word in words)
            entry |= {"cseq": cseq, "call_id": call_id}
    return entry


def _written(node: str, program: str, entry: dict[str, Any]) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": at, "node": node, "program": program, **entry}).encode()

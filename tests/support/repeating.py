"""A datagram wire that repeats, as a phone's SIP stack does (RFC 3261 §17): for networks that lose packets.

Requests are repeated until they are answered, a final answer to an INVITE until it is acknowledged, and that it rings
until it rings no more (nobody else would say it again, §13.3.1.1, and two that are lost are none so rare); what is
repeated to this side is answered, or acknowledged, as it was before. A thread of its own keeps at it whatever the phone
waits for.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass

from tests.support.sip_text import SipMessage
from tests.support.wire import Wire

T1_S, T2_S, UNTIL_S = 0.5, 4.0, 32.0
LOOKS_S = 0.02


@dataclass
class _Sent:
    raw: bytes
    again_at: float
    every_s: float
    until: float


class Repeating:
    """Implements Wire by another."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.address = wire.address
        self._open: dict[str, _Sent] = {}
        """What is repeated, by what it waits for."""
        self._answers: dict[str, bytes] = {}
        """The last answer to each request, and the ACK to each 2xx."""
        self._came: queue.Queue[bytes] = queue.Queue()
        self._lock, self._closed = threading.Lock(), False
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def sends(self, raw: bytes) -> None:
        message = SipMessage.parse(raw)
        now = time.monotonic()
        with self._lock:
            if message.status:
                self._answers[_request(message)] = raw
                self._open.pop(f"{_request(message)} rings", None)
                if 100 < message.status < 200:
                    self._open[f"{_request(message)} rings"] = _Sent(raw, now + T1_S, T1_S, now + UNTIL_S)
                if message.status >= 200 and message.method == "INVITE":
                    self._open[_acknowledged(message)] = _Sent(raw, now + T1_S, T1_S, now + UNTIL_S)
            elif message.method == "ACK":
                self._answers[_acknowledged(message)] = raw
            else:
                self._open[_request(message)] = _Sent(raw, now + T1_S, T1_S, now + UNTIL_S)
        self._wire.sends(raw)

    def reads(self, within_s: float) -> bytes:
        try:
            return self._came.get(timeout=within_s)
        except queue.Empty:
            raise TimeoutError from None

    def close(self) -> None:
        self._closed = True
        self._thread.join()
        self._wire.close()

    def _go_on(self) -> None:
        while not self._closed:
            try:
                raw = self._wire.reads(LOOKS_S)
            except (TimeoutError, ConnectionRefusedError):
                raw = b""
            with self._lock:
                again = self._understand(raw) if raw.strip() else b""
                due = self._due()
            for one in (again, *due):
                if one:
                    self._wire.sends(one)

    def _understand(self, raw: bytes) -> bytes:
        """What is to be said once more, at once, to a message that came; one that is new goes to the phone."""
        message = SipMessage.parse(raw)
        if message.status:
            if message.status >= 200 or message.method == "INVITE":
                self._open.pop(_request(message), None)
            if message.status >= 200 and message.method == "INVITE" and _acknowledged(message) in self._answers:
                return self._answers[_acknowledged(message)]
        elif message.method == "ACK":
            self._open.pop(_acknowledged(message), None)
        elif _request(message) in self._answers:
            return self._answers[_request(message)]
        self._came.put(raw)
        return b""

    def _due(self) -> list[bytes]:
        now = time.monotonic()
        self._open = {name: sent for name, sent in self._open.items() if now < sent.until}
        due = [sent for sent in self._open.values() if now >= sent.again_at]
        for sent in due:
            sent.every_s = min(2 * sent.every_s, T2_S)
            sent.again_at = now + sent.every_s
        return [sent.raw for sent in due]


def _request(message: SipMessage) -> str:
    """Names a request and its answers: branch of the topmost Via and method (RFC 3261 §17.1.3)."""
    return f"{message['Via'].partition('branch=')[2].partition(';')[0]} {message.method}"


def _acknowledged(message: SipMessage) -> str:
    """Names an INVITE for its final answers and their ACKs, whatever branch those have."""
    return f"{message['Call-ID']} {message['CSeq'].split()[0]} {message.tag('To')}"

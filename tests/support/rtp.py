"""A phone's voice and ear: RTP packets (RFC 3550) on a socket of its own, sent where a description says."""

from __future__ import annotations

import re
import secrets
import socket
import struct

from tests.support.ports import LOOPBACK, free_port
from tests.support.sip_text import sdp
from tests.support.until import until

WITHIN_S = 3.0
PCMU = 0
SAMPLES = 160
"""20 ms of PCMU."""


class Voice:
    """One phone's audio stream; what it sends is a word that nobody else says."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, free_port()))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.word = secrets.token_bytes(SAMPLES)
        self._ssrc = secrets.randbits(32)
        self._number = 0
        self._heard: list[tuple[bytes, str]] = []

    def close(self) -> None:
        self._socket.close()

    def sdp(self, direction: str = "sendrecv", *, address: str = LOOPBACK) -> str:
        """A description of this stream."""
        return sdp(direction, address=address, port=self.port)

    def says(self, description: str) -> None:
        """Send the next packet to where the other party's description says."""
        self._number += 1
        head = struct.pack("!BBHII", 0x80, PCMU, self._number, self._number * SAMPLES, self._ssrc)
        self._socket.sendto(head + self.word, place_of(description))

    def hears(self, word: bytes) -> str:
        """The address that this word came from since `forgets`, '' when it has not come."""
        while True:
            try:
                packet, (address, _) = self._socket.recvfrom(2048)
            except BlockingIOError:
                break
            self._heard.append((packet[12:], address))
        return next((address for heard, address in self._heard if heard == word), "")

    def forgets(self) -> None:
        """What came so far is not heard any more."""
        self.hears(b"")
        self._heard.clear()


def place_of(description: str) -> tuple[str, int]:
    """Address and port of the first stream."""
    address = re.search(r"^c=IN IP4 (\S+)", description, re.MULTILINE)
    port = re.search(r"^m=audio (\d+) ", description, re.MULTILINE)
    assert address, description
    assert port, description
    return address[1], int(port[1])


def arrives(speaker: Voice, told: str, listener: Voice) -> str:
    """The address that the listener hears the speaker from; told: the description that the speaker was given.

    What was heard before does not count. A packet may be lost, so it is said until it is heard. Raises AssertionError
    when it never is.
    """

    listener.forgets()

    def said_and_heard() -> str:
        speaker.says(told)
        return listener.hears(speaker.word)

    return until(said_and_heard, within_s=WITHIN_S, what=f"RTP by {place_of(told)} to port {listener.port}")

"""Commands as they go over the wire (RESP)."""

from __future__ import annotations

import hiredis

from kemi.store.links import Word


def packed(words: tuple[Word, ...]) -> bytes:
    """A command, ready to be sent."""
    try:
        command: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    except UnicodeEncodeError:
        # What a peer wrote may be no UTF-8: the packer heeds no error handler, so it gets bytes.
        in_bytes = (word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words)
        command = hiredis.pack_command(tuple(in_bytes))  # type: ignore[arg-type]
    return command


def words_of(command: bytes) -> tuple[str, ...]:
    """The words of a packed command; numbers are words, too."""
    count, start = int(command[1 : (start := command.index(b"\r\n"))]), start + 2
    words = []
    for _ in range(count):
        length_ends = command.index(b"\r\n", start)
        begins = length_ends + 2
        ends = begins + int(command[start + 1 : length_ends])
        words.append(command[begins:ends].decode("utf-8", "surrogateescape"))
        start = ends + 2
    return tuple(words)

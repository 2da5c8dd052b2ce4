"""A terminal of one's own: a program runs in it, and a test reads its screen and types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyte

from tests.support.until import until

STOP_WITHIN_S = 20.0


def _as_from_a_shell() -> None:
    """The terminal is this process' own, so Ctrl-C reaches it, and it hears what the tests may be deaf to (nohup)."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """A context in which a command runs on a terminal of this size.

    `screen` is what a person sees, `said` every byte that came.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command, self._environment = command, {**os.environ, **(environment or {}), "TERM": "xterm-256color"}
        self._screen: Any = pyte.Screen(columns, lines)
        self._stream: Any = pyte.ByteStream(self._screen)
        self._size = struct.pack("HHHH", lines, columns, 0, 0)
        self.said = b""

    def __enter__(self) -> Self:
        self._own, self._its = pty.openpty()
        fcntl.ioctl(self._its, termios.TIOCSWINSZ, self._size)
        self._before = termios.tcgetattr(self._its)
        self.process = subprocess.Popen(
            self._command,
            stdin=self._its,
            stdout=self._its,
            stderr=self._its,
            env={k: v for k, v in self._environment.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")},
            start_new_session=True,
            preexec_fn=_as_from_a_shell,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._own)
        os.close(self._its)

    def types(self, keys: bytes) -> None:
        os.write(self._own, keys)

    def screen(self) -> str:
        """What stands there now."""
        while select.select([self._own], [], [], 0)[0]:
            part = os.read(self._own, 65536)
            self.said += part
            self._stream.feed(part)
        return "\n".join(line.rstrip() for line in self._screen.display)

    def shows(self, text: str, within_s: float = 10.0) -> str:
        """The screen, once the text stands there."""
        until(lambda: text in self.screen(), within_s=within_s, what=lambda: f"{text!r} on\n{self.screen()}")
        return self.screen()

    def ends(self) -> int:
        """Its exit status; the screen is what it has left."""
        until(lambda: self.screen() and self.process.poll() is not None, within_s=STOP_WITHIN_S, what="the end")
        self.screen()
        return self.process.wait()

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal is set as it was when the program was started (termios(3))."""
        return termios.tcgetattr(self._its) == self._before

    @property
    def shows_cursor(self) -> bool:
        return not self._screen.cursor.hidden

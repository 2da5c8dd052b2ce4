"""What passes through a port of the loopback interface, as a pcap that failed tests leave behind."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

from tests.support.until import until

STOP_WITHIN_S = 5.0


class Capture:
    """A context in which dumpcap writes everything to and from `port` into the file at `path`."""

    def __init__(self, path: Path, port: int, *, keep: bool = False) -> None:
        """keep: leave the file where all went well, too."""
        self._keep = keep
        self.path = path
        self.port = port

    def __enter__(self) -> Capture:
        """Start; returns once dumpcap has its filter in place. Raises AssertionError when it does not."""
        self._said = self.path.with_suffix(".dumpcap")
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                ["dumpcap", "-q", "-i", "lo", "-f", f"port {self.port}", "-w", str(self.path)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        # It names its file only after the interface is open and filtered.
        until(lambda: "File: " in self._said.read_text() or self._process.poll() is not None, what="dumpcap")
        assert self._process.poll() is None, self._said.read_text()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if error is None and not self._keep:
            self.path.unlink(missing_ok=True)
            self._said.unlink()

    def end(self) -> None:
        """Have everything up to now in the file, and capture no more."""
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

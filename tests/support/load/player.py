"""One SIPp process of a load: it plays many phones, or many calls of one."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.sipp import SCENARIOS
from tests.support.until import until

LOAD = SCENARIOS / "load"
FATAL = (253, 254, 255)
"""SIPp's exit statuses when it could not play at all: no port, a faulty scenario or file."""
SOCKETS = "20000"


class PlayerFailed(AssertionError):
    """SIPp could not play, or did not end: what it said."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the players of one load share. target: host:port of the node. address: that they send from."""

    target: str
    domain: str
    address: str
    folder: Path


class Player:
    """Starts SIPp with a scenario of sipp-scenarios/load; its logs are in the stage's folder under `label`.

    lines: one for each call, in turn, for SIPp's -inf. traced: log every message, for `messages.calls_of`.
    """

    def __init__(
        self,
        stage: Stage,
        label: str,
        scenario: str,
        port: int,
        *options: str,
        lines: Sequence[Sequence[str]] = (),
        traced: bool = True,
    ) -> None:
        self.label, self.port = label, port
        self._base = stage.folder / label
        command = [
            *("sipp", stage.target, "-sf", str(LOAD / f"{scenario}.xml"), "-i", stage.address, "-p", str(port)),
            *("-nostdin", "-key", "domain", stage.domain, "-trace_err", "-error_file", str(self._file(".err"))),
            *("-trace_stat", "-stf", str(self._file(".stat")), "-fd", "1"),
        ]
        if traced:
            command += ["-trace_shortmsg", "-shortmessage_file", str(self.messages)]
        if lines:
            self._file(".csv").write_text("SEQUENTIAL\n" + "".join(";".join(line) + "\n" for line in lines))
            command += ["-inf", str(self._file(".csv"))]
        command += options
        self._file(".command").write_text(shlex.join(command) + "\n")
        with self._file(".out").open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=stage.folder
            )

    @property
    def messages(self) -> Path:
        return self._file(".messages")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def await_open(self) -> None:
        """Return when it listens on its port. Raises PlayerFailed when it cannot."""
        until(lambda: self.ended or self._is_bound(), within_s=15, what=lambda: f"{self.label} to open its port")
        self.check()

    def await_end(self, within_s: float) -> bool:
        """Whether it has ended by itself by then."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def check(self) -> None:
        """Raises PlayerFailed when SIPp gave up before it played."""
        status = self._process.poll()
        if status in FATAL:
            said = (self._read(".err") or self._read(".out"))[-600:].strip()
            raise PlayerFailed(f"sipp could not play {self.label} ({status}): {said}")

    def said(self) -> str:
        """What SIPp has written of errors so far."""
        return self._read(".err")

    def end(self) -> None:
        """Stop it, with a last line of its statistics."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def counts(self) -> dict[str, int]:
        """SIPp's cumulative counters so far, by their names without `(C)`; empty before the first second is over."""
        try:
            with self._file(".stat").open(newline="") as file:
                rows = list(csv.reader(file, delimiter=";"))
        except FileNotFoundError:
            return {}
        # The last row may be half written.
        whole = next((row for row in reversed(rows[1:]) if len(row) == len(rows[0])), None)
        if whole is None:
            return {}
        cells = zip(rows[0], whole, strict=True)
        return {name[:-3]: int(cell) for name, cell in cells if name.endswith("(C)") and cell.isdigit()}

    def calls_in_a_pause(self) -> int:
        """How many calls had been acknowledged and were resting, when SIPp drew its last picture of the scenario.

        SIPp 3.6.1 loses pauses when it is kept from its timers: once all else is over, these neither end nor fail.
        """
        return in_a_pause(self._read(".out"))

    def _is_bound(self) -> bool:
        """Whether this very process holds the port: somebody else's would not do."""
        wanted = f":{self.port:04X}"
        lines = Path(f"/proc/{self._process.pid}/net/udp").read_text().splitlines()[1:]
        return any(line.split()[1].endswith(wanted) for line in lines)

    def _file(self, suffix: str) -> Path:
        return self._base.with_name(self._base.name + suffix)

    def _read(self, suffix: str) -> str:
        try:
            return self._file(suffix).read_text(errors="replace")
        except FileNotFoundError:
            return ""


def in_a_pause(screens: str) -> int:
    """Of SIPp's last picture: the calls that have said the ACK right before its pause, and not what follows."""
    found = re.search(r"ACK -+> +(\d+)[^\n]*\n[^\n]*Pause [^\n]*\] +(\d+)", screens.rpartition("Messages")[2])
    return max(0, int(found[1]) - int(found[2])) if found else 0

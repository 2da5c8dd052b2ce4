"""One `star87 run` as a test looks at it: what it says, what it started, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kemi.cli.node import NodeFile
from tests.support import documents
from tests.support.node import STAR87
from tests.support.ports import LOOPBACK
from tests.support.until import until

READY_WITHIN_S = 40.0
STOP_WITHIN_S = 20.0


def living(pids: set[int]) -> set[int]:
    """Those of the processes that still run; a zombie does not."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(pid)
    return found


def names(pids: set[int]) -> set[str]:
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids}


class Run:
    """One `star87 run`, with its output in files."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *more: str,
        document: str = "",
        name: str = "n",
        provisioned: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port
        self.name = name
        self._out, self._err = folder / f"{name}-{port}.out", folder / f"{name}-{port}.err"
        provision = folder / "provision.yaml"
        provision.write_text(document or documents.example())
        clean = {k: v for k, v in os.environ.items() if not k.startswith("STAR87_")}
        self.environment = {**clean, **(environment or {})}
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # The tests are a shell's background job; the node would leave SIGINT ignored, too.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [
                    *(str(STAR87), "run", *(("--provision", str(provision)) if provisioned else ())),
                    *("--listen", f"udp:{LOOPBACK}:{port}", "--listen", f"tcp:{LOOPBACK}:{port}"),
                    *("--run-dir", str(folder), "--node", name, *more),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
            )

    def said(self) -> str:
        return self._out.read_text()

    def complained(self) -> str:
        return self._err.read_text()

    def await_ready(self) -> None:
        until(
            lambda: self.said().endswith("\n") or self.process.poll() is not None,
            within_s=READY_WITHIN_S,
            what=lambda: f"`ready`; it said {self.complained()!r}",
        )
        assert self.process.poll() is None, self.complained()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)

    def descendants(self) -> set[int]:
        """Every process that it has started, directly or not."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def redis_pids(self) -> set[int]:
        return {pid for pid in living(self.descendants()) if names({pid}) == {"redis-server"}}

    def star87(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command, about this node."""
        place = ["--run-dir", str(self.folder), "--node", self.name]
        return subprocess.run([str(STAR87), *arguments, *place], capture_output=True, text=True, env=self.environment)

    def node_file(self) -> NodeFile:
        found = NodeFile.read(str(self.folder / self.name))
        assert found is not None
        return found

    def clean_up(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(STOP_WITHIN_S)

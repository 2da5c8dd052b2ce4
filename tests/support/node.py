"""A real node, started as an operator starts it: `star87 run`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from kemi.pickup.console import Asked, Told
from kemi.store.keys import SUFFIXES, tenant
from tests.support.ports import LOOPBACK, free_port
from tests.support.recorded import STORE_TIMEOUT_MS, Recorded
from tests.support.until import until

STAR87 = Path(sys.executable).parent / "star87"
READY_WITHIN_S = 40.0
STOP_WITHIN_S = 20.0
FORGOTTEN = re.compile(r"WARNING: tm .*script writer didn't release transaction")
"""What tm says of a transaction that a timer had at hand and did nothing with, and ends it. In a request's line stands
which: that has its answer already."""


class Node(Recorded):
    """A context in which one node runs with a private Redis; its logs are in `folder`.

    document: the provisioning YAML. environment: STAR87_… variables that differ from the defaults.
    listen: addresses beside its own, as for --listen. inside: what its command line begins with.
    """

    def __init__(
        self,
        folder: Path,
        document: str,
        *,
        name: str = "n",
        environment: Mapping[str, str] | None = None,
        listen: Sequence[str] = (),
        inside: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.name = name
        self._log = folder / name / "kamailio.log"
        self.port = free_port()
        self._inside = inside
        self._listen = [f"udp:{self.address}", f"tcp:{self.address}", *listen]
        self.document = folder / "provision.yaml"
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("STAR87_")}
        # Where all this is about anything but a store that hangs, a busy machine is none.
        self._environment["STAR87_REDIS_TIMEOUT_MS"] = str(STORE_TIMEOUT_MS)
        # What a test has left ringing is not waited for.
        self._environment.update({"STAR87_DRAIN_S": "0", **(environment or {})})
        folder.mkdir(parents=True, exist_ok=True)
        self.document.write_text(document)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def reached_by(self, transport: str) -> str:
        """host:port where this transport is spoken; of several the last that was given."""
        return next(it.partition(":")[2] for it in reversed(self._listen) if it.startswith(f"{transport}:"))

    def __enter__(self) -> Node:
        """Start; returns when the node has said `ready`. Raises AssertionError with what it said instead."""
        self._out, self._err = self.folder / "run.out", self.folder / "run.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [
                    *(*self._inside, str(STAR87), "run", "--provision", str(self.document)),
                    *(part for address in self._listen for part in ("--listen", address)),
                    *("--run-dir", str(self.folder), "--node", self.name),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self._environment,
            )
        try:
            until(
                lambda: self._out.read_text().startswith("ready") or self._process.poll() is not None,
                within_s=READY_WITHIN_S,
                what=lambda: f"the node's `ready`; it said {self._err.read_text()!r}",
            )
            assert self._process.poll() is None, self._err.read_text()
            described = json.loads((self.folder / self.name / "node.json").read_text())
            self.look_into(described["redis_url"], described["kamailio_pid"])
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        # Who has shown that all is well may have thrown the logs away.
        if error is None and self._log.exists():
            assert not FORGOTTEN.search(self.log()), "a timer has ended a transaction"

    def stop(self) -> int:
        """End the node as Ctrl-C would, and return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def is_told_to_end(self) -> None:
        """SIGTERM: it drains first, and a second one ends that."""
        self._process.terminate()

    def awaits_end(self, within_s: float) -> int:
        """Return the exit status once it has ended by itself."""
        return self._process.wait(within_s)

    def dies(self) -> None:
        """End all of the node by SIGKILL: it says nothing more to anybody."""
        self._process.kill()
        self._process.wait(STOP_WITHIN_S)
        os.killpg(self.kamailio_pid, signal.SIGKILL)

    def star87(self, *arguments: str) -> Any:
        """What `star87 ARGUMENTS --json` prints about this node, decoded; raises AssertionError when it fails."""
        return json.loads(self._ran(*arguments, "--json"))

    def says(self, *arguments: str) -> str:
        """What `star87 ARGUMENTS` prints about this node for people; raises AssertionError when it fails."""
        return self._ran(*arguments)

    def follows(self, out: Path, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin `star87 ARGUMENTS`, which prints into a file until it is ended."""
        with out.open("wb") as to:
            return subprocess.Popen(self._command(*arguments), stdout=to, env=self._environment)

    def apply(self, document: str) -> None:
        """Put another provisioning document in force, by `star87 apply`."""
        self.document.write_text(document)
        subprocess.run(
            [str(STAR87), "apply", str(self.document), "--run-dir", str(self.folder), "--node", self.name],
            check=True,
            capture_output=True,
            env=self._environment,
            timeout=40,
        )

    def kamcmd(self, *words: str) -> str:
        """What Kamailio answers to a command on its control socket."""
        command = ["/usr/sbin/kamcmd", "-s", f"unix:{self.folder / self.name}/ctl.sock", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace", timeout=30).stdout

    def processes(self, named: str = "") -> dict[int, str]:
        """Kamailio's own processes with this in their description, by pid."""
        told = re.findall(r"PID: (\d+)\s+DSC: (.+)", self.kamcmd("core.psx"))
        return {int(pid): name for pid, name in told if named in name}

    def log(self) -> str:
        """What Kamailio has logged."""
        return self._log.read_text(errors="replace")

    def asks_for(self, asked: Asked) -> Told:
        """Ask this node for a call, as a console does, and return what it answers."""
        with self._one_at_a_time:
            assert self._store.mailbox.ask(self.name, asked), "the mailbox is full"
            told = until(lambda: self._store.mailbox.told(asked.id), what="the node's answer")
        assert told is not None
        return told

    @contextmanager
    def in_the_name_of(self, other: str, domain: str, key: str) -> Iterator[None]:
        """For a while a call is held, as the store has it, by a node that there is not."""
        name = tenant(domain) + SUFFIXES["call"] + key
        self._redis.hset(name, "N", other)
        yield
        self._redis.hset(name, "N", self.name)

    def is_buried(self, domain: str) -> None:
        """What its calls have in the store goes, as when it has died: another node does that."""
        [name] = [key for key in self.keys(domain) if key.startswith(tenant(domain) + SUFFIXES["call"])]
        instance = cast(bytes, self._redis.hget(name, "N")).decode()
        with self._one_at_a_time:
            self._store.nodes.bury(domain, instance)
        assert name not in self.keys(domain)

    def _command(self, *arguments: str) -> list[str]:
        return [str(STAR87), *arguments, "--run-dir", str(self.folder), "--node", self.name]

    def _ran(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments), capture_output=True, text=True, env=self._environment, timeout=40
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

"""Where the pages' commands are run: two hosts of a network of their own, with the addresses that the pages name."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path

from tests.support.capture import Capture
from tests.support.certificate import make_certificate
from tests.support.network import Network
from tests.support.pages import ROOT
from tests.support.ports import LOOPBACK
from tests.support.sipp import PHONES, Phone, Setting
from tests.support.until import until

DESK, FIELD = "desk", "field"
"""One host has the example's node and its calls, the other whatever else the pages start."""
ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9", "10.0.0.3")
DOMAIN, PASSWORDS = "pbx.example.com", {"101": "change-me"}
EXAMPLE = "docker/provision.example.yaml"
STORE = "redis://star87:change-me@192.0.2.9"
WITHIN_S = 60


class Scene:
    """The two hosts, and what the pages' commands find there."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder, self._network, self._runs = folder, network, 0
        for host, address in product((DESK, FIELD), ADDRESSES):
            subprocess.run([*network.inside(host), "ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        certificate, key = make_certificate(folder)
        (folder / "redis-password").write_text("change-me\n")
        self.places = {
            "FILE.pcap": str(folder / "pickup.pcap"),
            "provision.yaml": EXAMPLE,
            "FILE": EXAMPLE,
            "node.crt": str(certificate),
            "node.key": str(key),
            "redis-password": str(folder / "redis-password"),
            "/run/star87": f"{folder / DESK}",
            "/var/lib/redis": str(folder),
            "PICKER": "103",
            "NUMBER": "101",
            "URL": STORE,
            "NAME": "d",
        }

    def command(self, line: str, host: str, places: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """What runs a line on a host, and its environment."""
        known = {**self.places, **places}
        words = re.compile(
            "|".join(rf"(?<![\w-]){re.escape(word)}(?!\w)" for word in sorted(known, key=len, reverse=True))
        )
        line = words.sub(lambda found: known[found[0]], line)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("STAR87_")}
        paths = f"{ROOT / '.venv' / 'bin'}:{clean['PATH']}:/usr/sbin"
        return [*self._network.inside(host), "bash", "-c", line], {
            **clean,
            "PATH": paths,
            "STAR87_RUN_DIR": str(self.folder / host),
            "STAR87_REDIS_TIMEOUT_MS": "3000",
            "STAR87_DRAIN_S": "0",
        }

    def ran(
        self, line: str, host: str = DESK, places: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command, environment = self.command(line, host, places or {})
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            timeout=WITHIN_S,
        )

    @contextmanager
    def running(self, line: str, says: str, host: str = DESK, *, ends: int = 0) -> Iterator[None]:
        """A command that goes on until Ctrl-C, once it has said this; that ends it, with this status."""
        command, environment = self.command(line, host, {})
        self._runs += 1
        out = self.folder / f"running-{self._runs}.out"
        with out.open("wb") as to:
            running = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=to,
                env=environment,
                cwd=ROOT,
                start_new_session=True,
            )
        try:
            until(
                lambda: re.search(says, out.read_text(), re.MULTILINE) or running.poll() is not None,
                within_s=WITHIN_S,
                what=lambda: f"{line!r} to say {says!r}, not {out.read_text()!r}",
            )
            assert running.poll() is None, out.read_text()
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGINT)
            status = running.wait(WITHIN_S)
        assert status == ends, out.read_text()

    def phone(self, number: str, name: str) -> Phone:
        folder = self.folder / f"{name}-{number}"
        folder.mkdir(exist_ok=True)
        password = PASSWORDS.get(number, f"change-me-{number}")
        return Phone(Setting(f"{LOOPBACK}:5060", DOMAIN, "%u-pages@star87", folder), name, number, password)

    @contextmanager
    def ringing(self, called: str = "104", plays: str = "rings-until-cancelled") -> Iterator[None]:
        """102 calls, and it rings."""
        callee, caller = self.phone(called, "called"), self.phone("102", "Alice")
        callee.register()
        rings = callee.play(PHONES / f"{plays}.xml")
        rings.await_bound()
        calls = caller.play(PHONES / "calls-and-gives-up.xml", dials=called)
        try:
            calls.await_says("ringing")
            yield
        finally:
            Phone(caller.setting, "cue", "102").play(
                PHONES / "cue.xml", dials="102", target=f"{LOOPBACK}:{caller.port}"
            ).finish()
            calls.stop()
            rings.stop()

    def picks_up(self) -> None:
        """103 takes by *87101 what 102 calls 101 for, and the capture of it is left."""
        bob, alice, carol = self.phone("101", "Bob"), self.phone("102", "Alice"), self.phone("103", "Carol")
        bob.register()
        with Capture(Path(self.places["FILE.pcap"]), 5060, keep=True):
            rings = bob.play(PHONES / "rings-until-completed-elsewhere.xml")
            rings.await_bound()
            calls = alice.play(PHONES / "calls-and-is-picked-up.xml", dials="101", keys={"picker": "103"})
            calls.await_says("ringing")
            picks = carol.play(PHONES / "picks-up.xml", dials="*87101", keys={"shows": "Alice"})
            for run in (picks, calls, rings):
                run.finish()
            until(lambda: b"BYE " in Path(self.places["FILE.pcap"]).read_bytes(), what="the capture of it")
        until(lambda: "picked" in self.ran("star87 events").stdout, what="the record")
        [event] = json.loads(self.ran("star87 events --json").stdout)
        self.places["CALL-ID"] = event["call_id"]

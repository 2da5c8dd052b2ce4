"""Phones played by SIPp: each is one process, one port and one scenario file."""

from __future__ import annotations

import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from tests.support.ports import LOOPBACK, free_port, is_bound
from tests.support.until import until

SCENARIOS = Path(__file__).resolve().parents[2] / "sipp-scenarios"
PHONES = SCENARIOS / "phones"
PASSWORD = "change-me"
TIMEOUT_S = 45
"""How long a phone may take for its whole scenario, the other phones' parts included."""
STRAY = "can't be mapped to a known SIPp call"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the phones of one story share.

    proxy: host:port of the node. call: the Call-ID after `///`, with SIPp's %u for the number of the call.
    folder: where each phone leaves its command line and its logs.
    """

    proxy: str
    domain: str
    call: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Traced:
    """A message as the phone logged it."""

    at: float
    """In seconds since 1970."""
    sent: bool
    text: str


@dataclass
class Phone:
    """A person's phone: who it is and where it is reached."""

    setting: Setting
    name: str
    number: str
    password: str = PASSWORD
    transport: str = "u1"
    """SIPp's -t: u1 UDP, t1 TCP."""
    port: int = field(default_factory=free_port)

    def register(self, registers: str = "registers") -> None:
        """Register this phone's port; raises AssertionError when the node refuses. registers: file of `phones/`."""
        self.registration(registers).finish()

    def registration(self, registers: str = "registers") -> SippRun:
        """The same, under way."""
        # A Call-ID of its own: a second REGISTER on the same one would need a higher CSeq (RFC 3261 §10.2.4).
        # By UDP: what listens for calls is another SIPp, and a connection would end with this one.
        contact = {"heard": "tcp" if self.transport == "t1" else "udp"}
        by_udp = replace(self, transport="u1")
        return by_udp.play(
            PHONES / f"{registers}.xml", label=f"{self.name}-registers", call="register-%p-%u", keys=contact
        )

    def play(
        self,
        scenario: Path,
        *,
        dials: str = "",
        keys: Mapping[str, str] | None = None,
        label: str = "",
        call: str = "",
        calls: int = 1,
        target: str = "",
        more: Sequence[str] = (),
    ) -> SippRun:
        """Start SIPp with this phone's identity.

        dials: the user part that the phone calls. keys: further values for the scenario. calls: how many, one
        after another. target: host:port to send to instead of the proxy. more: further options of SIPp.
        """
        label = label or self.name
        setting = self.setting
        command = [
            *("sipp", target or setting.proxy, "-sf", str(scenario), "-t", self.transport),
            *("-i", LOOPBACK, "-p", str(self.port), "-m", str(calls), "-l", "1", "-nostdin"),
            *("-cid_str", call or setting.call, "-au", self.number, "-ap", self.password),
            *(("-s", dials) if dials else ()),
        ]
        values = {"number": self.number, "name": self.name, "domain": setting.domain, "supported": "replaces"}
        values["contact"] = f"{LOOPBACK}:{self.port}"
        for key, value in {**values, **(keys or {})}.items():
            command += ["-key", key, value]
        command += ["-timeout", f"{TIMEOUT_S}s", "-timeout_error", *more]
        for what in ("err", "msg", "logs"):
            command.append(f"-trace_{what}")
        for option, suffix in (("error", "err"), ("message", "msg"), ("log", "log")):
            command += [f"-{option}_file", str(setting.folder / f"{label}.{suffix}")]
        return SippRun(label, command, setting.folder, self.port)


def has_stumbled(failure: BaseException) -> bool:
    """Whether SIPp gave a call up because a message came before it had sent what the one before is answered with.

    Over a stream it may read both at once; a phone takes them one after the other.
    """
    return "Aborting call on unexpected message" in str(failure) and "while sending (index" in str(failure)


class SippRun:
    """One running SIPp."""

    def __init__(self, label: str, command: Sequence[str], folder: Path, port: int) -> None:
        self.label = label
        self.port = port
        self._folder = folder
        self._file(".command").write_text(shlex.join(command) + "\n")
        with self._file(".out").open("wb") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder)

    def await_bound(self) -> None:
        """Return when the phone's port is open: a call now would reach it."""
        until(lambda: is_bound(self.port) or self.ended, what=lambda: f"{self.label} to open port {self.port}")

    def await_says(self, milestone: str, *, times: int = 1, within_s: float = 20.0) -> None:
        """Return when the scenario has logged this line so many times; raises AssertionError when it ends without."""

        def heard() -> bool:
            ended = self.ended
            return self.said().count(milestone) >= times or ended

        until(heard, within_s=within_s, what=lambda: f"{self.label} to say {milestone!r}, not {self.said()}")
        assert self.said().count(milestone) >= times, f"{self.label} ended without {milestone!r}: {self.errors()}"

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def finish(self) -> None:
        """Wait until the scenario is through; raises AssertionError when one of its calls failed."""
        status = self._process.wait(TIMEOUT_S + 5)
        assert status == 0, f"{self.label} failed ({status}): {self.errors() or self._read('.out')[-600:]}"
        assert STRAY not in self.errors(), f"{self.label} got a message of no call of its own: {self.errors()}"

    def leave(self) -> None:
        """End a phone that waits for further calls; raises AssertionError when one of its calls failed."""
        self._process.send_signal(signal.SIGUSR1)
        self.finish()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def said(self) -> list[str]:
        """The scenario's log lines."""
        return self._read(".log").splitlines()

    def errors(self) -> str:
        return self._read(".err")

    def received(self) -> list[str]:
        """The SIP messages that reached the phone, in order."""
        return [message.text for message in self.messages() if not message.sent]

    def sent(self) -> list[str]:
        return [message.text for message in self.messages() if message.sent]

    def heard(self, status: str) -> int:
        """How often the phone got this answer to an INVITE, in one early dialog; SIPp itself hides what is repeated."""
        found = [header(m, "To") for m in self.received() if m.startswith(f"SIP/2.0 {status} ")]
        return found.count(found[0]) if found else 0

    def answered(self) -> int:
        """How many 200s to an INVITE of its own the phone got, not counting repetitions."""
        found = {
            line
            for message in self.received()
            if message.startswith("SIP/2.0 200") and "INVITE" in header(message, "CSeq")
            for line in [header(message, "Call-ID") + header(message, "To")]
        }
        return len(found)

    def messages(self) -> list[Traced]:
        """What the phone received and sent, in order."""
        blocks = self._read(".msg").split("-----------------------------------------------")[1:]
        found = []
        for block in blocks:
            head, _, text = block.partition("\n\n")
            if "message received" in head or "message sent" in head:
                at = datetime.fromisoformat(" ".join(head.split()[:2])).timestamp()
                found.append(Traced(at, "message sent" in head, text.strip()))
        return found

    def _file(self, suffix: str) -> Path:
        return self._folder / f"{self.label}{suffix}"

    def _read(self, suffix: str) -> str:
        try:
            return self._file(suffix).read_text(errors="replace").replace("\r\n", "\n")
        except FileNotFoundError:
            return ""


def header(message: str, name: str) -> str:
    """Value of the first header of that name in a SIP message, empty when there is none."""
    for line in message.partition("\n\n")[0].splitlines()[1:]:
        found, _, value = line.partition(":")
        if found.strip().lower() == name.lower():
            return value.strip()
    return ""

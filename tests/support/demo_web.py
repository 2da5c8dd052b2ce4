"""`make demo-web`: a node, SIPp's phones that call, ring and wait, and the attendant's console, until Ctrl-C."""

from __future__ import annotations

import contextlib
import random
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from kemi.cli.supervisor import StopSignal
from tests.support.node import Node
from tests.support.ports import LOOPBACK
from tests.support.sipp import PASSWORD, PHONES, SCENARIOS, Phone, Setting, SippRun
from tests.support.web import ADMIN_PASSWORD, Web

DOMAIN = "pbx.example.com"
CONSOLE = SCENARIOS / "console"
ATTENDANT = "103"
PEOPLE = {
    "101": "Reception",
    "102": "Frank Ito",
    "103": "Carol Okafor",
    "104": "Dave Lindqvist",
    "105": "Erin Novak",
    "106": "Board room",
    "110": "Grace Weber",
    "111": "Heidi Sørensen",
    "121": "Judy Marsh",
    "201": "Alice Marchetti",
    "202": "Oscar Brandt",
    "203": "Peggy Nakamura",
    "204": "Victor Laurent",
    "205": "Sybil Adeyemi",
}
MONITORED_BY = {
    "101": ["10*"],
    "102": ["103", "104"],
    "104": ["10*"],
    "106": ["104"],
    "700": ["103", "104"],
    "800": ["103"],
}
ONLY_SEEN_BY = {"101": ["105"], "106": ["103"], "700": ["105"], "800": ["105"]}
RING = ("101", "102", "106", "110", "111")
CALLERS = {"201": "101", "202": "700", "203": "102", "204": "800", "205": "106"}


def document() -> str:
    """Reception, Sales and Support are watched by the attendant; of Support the one agent has no phone."""

    def account(number: str, name: str, **more: object) -> dict[str, object]:
        lists = {
            "monitored_by": MONITORED_BY.get(number, []),
            "monitored_without_pickup": ONLY_SEEN_BY.get(number, []),
        }
        return {"number": number, "name": name, **more, **lists}

    tenant = {
        "name": DOMAIN,
        "extensions": [account(number, name, password=PASSWORD) for number, name in PEOPLE.items()],
        "hunt_groups": [account("700", "Sales", members=["110", "111"])],
        "agent_groups": [account("800", "Support", agents=["121"], ring_s=60)],
    }
    return str(yaml.safe_dump({"version": 1, "domains": [tenant]}, allow_unicode=True))


@dataclass
class Traffic:
    """Phones that play the same again and again, each in a thread of its own, until `end`."""

    setting: Setting
    ending: threading.Event

    def __post_init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def rings(self, number: str, scenario: Path) -> None:
        phone = Phone(self.setting, f"phone-{number}", number)
        self._begin(phone, scenario, "", 0.0)

    def calls(self, number: str, dials: str, first_after_s: float) -> None:
        phone = Phone(self.setting, PEOPLE[number], number)
        self._begin(phone, CONSOLE / "calls-for-a-while.xml", dials, first_after_s)

    def end(self) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, phone: Phone, scenario: Path, dials: str, first_after_s: float) -> None:
        thread = threading.Thread(target=self._again_and_again, args=(phone, scenario, dials, first_after_s))
        self._threads.append(thread)
        thread.start()

    def _again_and_again(self, phone: Phone, scenario: Path, dials: str, pause_s: float) -> None:
        while not self.ending.wait(pause_s):
            if not dials:
                # SIPp goes before its registration does; a demo may be looked at for hours.
                self._register(phone)
            self._await(phone.play(scenario, dials=dials, keys={"supported": "100rel"}))
            pause_s = random.uniform(2, 9) if dials else 0.0

    def _register(self, phone: Phone) -> None:
        registration = phone.registration()
        self._await(registration)
        try:
            registration.finish()
        except AssertionError:
            # Ctrl-C ends SIPp, too, and may be heard there first.
            if not self.ending.wait(1.0):
                raise

    def _await(self, run: SippRun) -> None:
        """Until it is over, or all is."""
        while not run.ended and not self.ending.wait(0.1):
            pass
        run.stop()


@contextmanager
def scene(folder: Path) -> Iterator[Web]:
    """The node, its traffic and the console."""
    traced = folder / "phones"
    traced.mkdir()
    with Node(folder / "node", document()) as node, Web(node, folder / "web") as web:
        setting = Setting(node.address, DOMAIN, "%u-%p-demo@star87", traced)
        traffic = Traffic(setting, threading.Event())
        try:
            for number in RING:
                traffic.rings(number, PHONES / "rings-until-stopped.xml")
            traffic.rings(ATTENDANT, CONSOLE / "answers-and-talks.xml")
            for place, (number, dials) in enumerate(CALLERS.items()):
                traffic.calls(number, dials, 0.3 + place * 1.7)
            # The one agent of Support is logged in and has no phone: who calls there waits.
            yield web
        finally:
            traffic.end()


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="star87-demo-web-"))
    try:
        # An Event set by a handler would wait for ever for the lock that the wait it interrupts may hold.
        with StopSignal() as stop, scene(folder) as web:
            print(f"The console is at  {web.url}/  on {LOOPBACK}\n")
            print(f"  attendant        {ATTENDANT}@{DOMAIN}   password {PASSWORD}")
            print(f"  may see only     105@{DOMAIN}   password {PASSWORD}")
            print(f"  administrator    admin                 password {ADMIN_PASSWORD}\n")
            print("Ctrl-C ends all of it.", flush=True)
            stop.wait(None)
    except AssertionError as failure:
        print(f"demo-web: {failure}\ndemo-web: the logs are in {folder}", file=sys.stderr)
        return 1
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

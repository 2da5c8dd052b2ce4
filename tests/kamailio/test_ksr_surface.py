"""The type stub and the double of KSR, held against a Kamailio that runs with the project's kamailio.cfg.

The routing script is a small one of this file: the surface hangs on the modules alone, and no store is needed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_ksr import FakeKsr
from tests.support.ksr_surface import ROOT, STUB, Function, parse_listing, render_stub, uses_of_ksr
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
SCRIPT = """
import json, pathlib
import KSR

FOLDER = pathlib.Path(__file__).parent

def evaluate(name):
    probes = json.loads((FOLDER / name).read_text())
    said = [eval(probe) for probe in probes]
    part = FOLDER / (name + ".part")
    part.write_text(json.dumps(said))
    part.rename(FOLDER / (name + ".said"))
    return 1

class Routing:
    def child_init(self, rank): return 0
    def ksr_follow_provisioning(self, msg, event=""): return 1
    def ksr_request_route(self, msg): return evaluate("request") if KSR.is_INVITE() else 1
    def failed(self, msg): return evaluate("failure")

def mod_init(): return Routing()
"""


class Kamailio:
    """One Kamailio with the project's kamailio.cfg and the script above; its folder keeps its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "kamailio.log"
        self._socket = f"unix:{folder}/ctl.sock"
        (folder / "routing.py").write_text(SCRIPT)
        definitions = {
            "KEMI": f'"{folder}/routing.py"',
            "CTL_SOCKET": f'"{self._socket}"',
            "GATEWAYS": '"/dev/null"',
            # Nobody listens there; the module that is loaded only for a relay is part of the surface.
            "RTPENGINE": '"udp:127.0.0.1:9"',
            "PEER": f'"sip:{LOOPBACK}:{self.port}"',
            "PEER_SOCKET": f'"udp:{LOOPBACK}:{self.port}"',
            "NODE_NUMBER": 1,
            "WORKERS": 1,
            "TCP_WORKERS": 1,
        }
        command = [
            _program("kamailio"),
            "-f",
            f"{ROOT}/kamailio.cfg",
            "-DD",
            "-E",
            "-w",
            str(folder),
            "-Y",
            str(folder),
        ]
        command += [part for name, value in definitions.items() for part in ("-A", f"{name}={value}")]
        command += ["-A", "WITH_WEBSOCKET", "-l", f"udp:{LOOPBACK}:{self.port}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def listing(self) -> str:
        """What `app_python.api_list` prints, once Kamailio is there to be asked."""

        def ask() -> str:
            assert self._process.poll() is None, self.log.read_text(errors="replace")
            command = [_program("kamcmd"), "-s", self._socket, "app_python.api_list"]
            said = subprocess.run(command, capture_output=True, text=True, timeout=10)
            return said.stdout if said.returncode == 0 else ""

        return until(ask, within_s=20, what=lambda: f"kamcmd's answer; log: {self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    assert found is not None, f"{name} is not installed"
    return found


@pytest.fixture(scope="module")
def kamailio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    running = Kamailio(tmp_path_factory.mktemp("surface"))
    try:
        running.listing()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def surface(kamailio: Kamailio) -> dict[str, Function]:
    return {function.path: function for function in parse_listing(kamailio.listing())}


# The real surface


def test_given_kamailio_with_the_projects_modules_then_the_committed_stub_is_what_it_generates(
    kamailio: Kamailio,
) -> None:
    assert STUB.read_text() == render_stub(parse_listing(kamailio.listing()))


def test_given_kamailio_then_every_function_of_the_double_is_there_with_as_many_parameters(
    surface: dict[str, Function],
) -> None:
    modelled = FakeKsr().modelled()
    assert modelled == {path: len(surface[path].parameters) for path in modelled if path in surface}


def test_given_kamailio_then_every_call_that_kemi_makes_is_there_with_as_many_arguments(
    surface: dict[str, Function],
) -> None:
    found = {
        path.name: uses_of_ksr(path.read_text(), surface) for path in sorted((ROOT / "kemi" / "ksr").rglob("*.py"))
    }
    assert any(found.values())
    assert [
        f"{name}:{use.line} KSR.{use.path} {use.fault}" for name, uses in found.items() for use in uses if use.fault
    ] == []


# The double does as Kamailio does

REQUEST = [
    'KSR.pv.get("$ci")', 'KSR.is_INVITE()', 'KSR.is_ACK()', 'KSR.hdr.get("x-A")', 'KSR.hdr.get_idx("X-A", 1)',
    'KSR.hdr.get_idx("X-A", 2)', 'KSR.hdr.get("f")', 'KSR.hdr.get("Supported")', 'KSR.pv.get("$hdr(Supported)")',
    'KSR.hdr.is_present("Replaces")', 'KSR.pv.get("$avp(n)")', 'KSR.pv.sets("$avp(n)", "1")',
    'KSR.pvx.avp_seti("n", 2)', 'KSR.pv.get("$(avp(n)[*])")', 'KSR.pv.unset("$avp(n)")', 'KSR.pvx.avp_get("n")',
    'KSR.pvx.avp_is_null("m")', 'KSR.pv.get("$var(v)")', 'KSR.pv.get("$du")', 'KSR.pv.getvs("$du", "none")',
    'KSR.pv.getw("$du")', 'KSR.pv.is_null("$du")', 'KSR.pv.sets("$ru", "sip:a@h:5;x=1")', 'KSR.pv.get("$rU")',
    'KSR.pv.get("$rd")', 'KSR.pv.sets("$rU", "b")', 'KSR.pv.get("$ru")', 'KSR.pv.unset("$rU")', 'KSR.pv.get("$ru")',
    'KSR.setflag(3)', 'KSR.isflagset(3)', 'KSR.setflag(40)', 'KSR.resetflag(3)', 'KSR.isflagset(3)',
    'KSR.hdr.append("X-New: 1\\r\\n")', 'KSR.hdr.remove("X-A")', 'KSR.hdr.is_present("X-New")',
    'KSR.hdr.is_present("X-A")', 'KSR.hdr.append_to_reply("X-Lost: 1\\r\\n")', 'KSR.textopsx.msg_apply_changes()',
    'KSR.hdr.is_present("X-New")', 'KSR.hdr.is_present("X-A")',
    'KSR.registrar.lookup_uri("location", "sip:nobody@h")',
    'KSR.registrar.registered_uri("location", "sip:nobody@h")',
    'KSR.registrar.lookup_to_dset("location", "sip:nobody@h")', 'KSR.pv.get("$branch(count)")',
    'KSR.corex.append_branch_uri("sip:c@h")', 'KSR.pv.get("$branch(count)")', 'KSR.pv.get("$(branch(uri)[0])")',
    'KSR.pv.sets("$(branch(dst_uri)[0])", "sip:d")', 'KSR.pv.get("$(branch(dst_uri)[0])")',
    'KSR.pv.unset("$branch(uri)")', 'KSR.pv.get("$branch(count)")', 'KSR.rr.record_route()', 'KSR.rr.record_route()',
    'KSR.textopsx.msg_apply_changes()', 'KSR.tmx.t_is_request_route()', 'KSR.tm.t_reply(480, "No")',
    'KSR.tmx.t_continue(1, 1, "failed")', 'KSR.hdr.append_to_reply("X-Kept: 1\\r\\n")',
    'KSR.tm.t_send_reply(183, "Wait")', 'KSR.hdr.append("X-Relayed: 1\\r\\n")',
    'KSR.pv.sets("$ru", KSR.hdr.get("X-Target"))', 'KSR.tm.t_on_failure("failed")', 'KSR.tm.t_relay()',
    'KSR.tm.t_newtran()', 'KSR.tm.t_check_trans()', 'KSR.tm.t_relay()',
]  # fmt: skip
FAILURE = [
    'KSR.tmx.t_is_failure_route()', 'KSR.tmx.t_is_request_route()', 'KSR.tm.t_get_status_code()',
    'KSR.tm.t_check_status("486|5..")', 'KSR.tm.t_check_status("408")', 'KSR.tm.t_check_trans()',
    'KSR.pv.get("$avp(n)")', 'KSR.hdr.is_present("X-New")', 'KSR.hdr.is_present("X-Relayed")',
    'KSR.textopsx.msg_apply_changes()', 'KSR.hdr.append_to_reply("X-Reply: 1\\r\\n")',
    'KSR.tm.t_reply(480, "Gone")', 'KSR.sl.send_reply(481, "Again")', 'KSR.tmx.t_suspend()',
]  # fmt: skip


def test_given_the_same_calls_when_made_on_kamailio_and_on_the_double_then_both_say_the_same(
    kamailio: Kamailio,
) -> None:
    for name, probes in (("request", REQUEST), ("failure", FAILURE)):
        (kamailio.folder / name).write_text(json.dumps(probes))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((LOOPBACK, 0))
        phone.settimeout(10)
        here = f"{LOOPBACK}:{phone.getsockname()[1]}"
        ruri = f"sip:102@{LOOPBACK}:{kamailio.port}"
        headers = [
            ("Via", f"SIP/2.0/UDP {here};branch=z9hG4bK1"), ("From", "<sip:101@pbx>;tag=1"),
            ("To", "<sip:102@pbx>"), ("Call-ID", "a84b4c"), ("CSeq", "1 INVITE"), ("Max-Forwards", "70"),
            ("Contact", f"<sip:101@{here}>"), ("X-A", "one"), ("x-a", "two"), ("k", "replaces"),
            ("X-Target", f"sip:busy@{here}"), ("Content-Length", "0"),
        ]  # fmt: skip
        phone.sendto(_message(f"INVITE {ruri} SIP/2.0", headers), (LOOPBACK, kamailio.port))
        waiting = _receive(phone, "SIP/2.0 183 ")
        relayed = _receive(phone, "INVITE ")
        busy = [(name, value) for name, value in relayed if name in ("Via", "From", "To", "Call-ID", "CSeq")]
        phone.sendto(_message("SIP/2.0 486 Busy Here", busy), (LOOPBACK, kamailio.port))
        refused = _receive(phone, "SIP/2.0 480 ")

    fake = FakeKsr({"$rm": "INVITE", "$ci": "a84b4c", "$ru": ruri, "$du": None}, headers=headers, locations={})
    assert _said_by(fake, REQUEST) == _said_by_kamailio(kamailio, "request", REQUEST)
    assert fake.replies[0].headers == (("X-Kept", "1"),)
    assert [header for header in waiting if header[0].startswith("X-")] == [("X-Kept", "1")]
    assert {("X-New", "1"), ("X-Relayed", "1")} == set(fake.relays[0].appended)
    assert set(fake.relays[0].appended) <= set(relayed)
    assert not {name.lower() for name in fake.relays[0].removed} & {name.lower() for name, _ in relayed}
    fake.enter("failure", status=486)
    assert _said_by(fake, FAILURE) == _said_by_kamailio(kamailio, "failure", FAILURE)
    assert fake.replies[-1].headers == (("X-Reply", "1"),)
    assert set(fake.replies[-1].headers) <= set(refused)


def _said_by(fake: FakeKsr, probes: list[str]) -> list[tuple[str, str]]:
    return [(probe, repr(eval(probe, {"KSR": fake}))) for probe in probes]


def _said_by_kamailio(kamailio: Kamailio, name: str, probes: list[str]) -> list[tuple[str, str]]:
    said = kamailio.folder / f"{name}.said"
    until(said.exists, what=lambda: f"the {name} callback; log: {kamailio.log.read_text(errors='replace')}")
    return list(zip(probes, map(repr, json.loads(said.read_text())), strict=True))


def _message(first_line: str, headers: list[tuple[str, str]]) -> bytes:
    return "".join(f"{line}\r\n" for line in [first_line, *map(": ".join, headers), ""]).encode()


def _receive(phone: socket.socket, start: str) -> list[tuple[str, str]]:
    """Headers of the next message that starts so; others are passed over."""
    while True:
        first, *lines = phone.recv(65535).decode().split("\r\n\r\n")[0].split("\r\n")
        if first.startswith(start):
            pairs = (line.split(":", 1) for line in lines)
            return [(name, value.strip()) for name, value in pairs]

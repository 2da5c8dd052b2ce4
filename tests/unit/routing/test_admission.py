"""Who is heard: floods, blocks and challenges as a request meets them, and who is exempt."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.abuse.passwords import Passwords
from kemi.abuse.sources import Sources
from kemi.errors import NotProvisioned, SourceBlocked, TooManyFailures, UnknownDomain
from kemi.routing.admission import Admission
from kemi.routing.identity import Identity
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.flow import Flow
from kemi.sip.ports import Proof
from tests.support.directories import directory_of, extension
from tests.support.fake_counters import Clock, FakeCounters
from tests.support.fake_sip import DOMAIN, FLOW, FakeMessage, FakeScene, invite
from tests.unit.routing.node import Node
from tests.unit.routing.test_identity import FakeDigest
from tests.unit.routing.trunking import CARRIER, TRUNK

DAVE = Aor("104", DOMAIN)
SETTINGS = replace(Settings(), scan_strikes=3, block_s=30, flood_requests_per_s=5, auth_failures=2, auth_backoff_s=10)


class Door:
    """Admission and identity of one node, to which any number of requests come."""

    def __init__(self, folder: Path, *, user: str | None = None, proof: Proof = Proof.GOOD) -> None:
        self.clock = Clock()
        counts = FakeCounters(self.clock)
        sources = Sources(FakeCounters(self.clock), counts, SETTINGS, lambda _: None, self.clock)
        self.scene = FakeScene(invite())
        self.scene.transaction.is_known = False
        self.directory = directory_of(folder, extension("104"), trunks=(TRUNK,))
        self.admission = Admission(
            lambda: self.directory,
            self.scene.proxy,
            self.scene.transaction,
            sources,
            Passwords(counts, SETTINGS, self.clock),
        )
        self.digest = FakeDigest(user, proof)
        self.identity = Identity(self.digest, self.admission)
        self._serial = itertools.count()

    def invite(self, **fields: object) -> FakeMessage:
        return replace(invite(), fingerprint=str(next(self._serial)), **fields)  # type: ignore[arg-type]

    def strikes(self, times: int, **fields: object) -> None:
        for _ in range(times):
            self.admission.strike(self.invite(**fields))

    def is_blocked(self) -> None:
        self.strikes(4)
        with pytest.raises(SourceBlocked):
            self.admission.admits(self.invite())


def test_given_a_block_when_requests_come_then_the_first_is_told_and_the_rest_is_not_answered(tmp_path: Path) -> None:
    door = Door(tmp_path)
    door.strikes(4)
    with pytest.raises(SourceBlocked) as told:
        door.admission.admits(door.invite())
    assert (told.value.status, told.value.retry_after_s) == (403, 30)
    methods = ("INVITE", "REGISTER", "OPTIONS", "BYE", "ACK", "CANCEL")
    assert not any(door.admission.admits(door.invite(method=method)) for method in methods)
    assert door.admission.admits(door.invite(flow=FLOW._replace(ip="192.0.2.99")))


def test_given_a_block_when_what_belongs_to_a_call_comes_then_it_passes_and_what_says_so_itself_does_not(
    tmp_path: Path,
) -> None:
    door = Door(tmp_path)
    door.is_blocked()
    in_dialog = door.invite(method="BYE", to_tag="b")
    assert not door.admission.admits(in_dialog)
    door.scene.proxy.route_tenant = DOMAIN
    assert door.admission.admits(in_dialog)
    # A sealed Route of some call does not make a new request one of it.
    assert not door.admission.admits(door.invite())
    door.scene.proxy.route_tenant = ""
    door.scene.transaction.is_known = True
    assert door.admission.admits(door.invite(method="CANCEL"))
    assert door.admission.admits(door.invite(method="ACK"))
    assert not door.admission.admits(door.invite())


def test_given_a_block_when_a_user_proved_himself_there_before_then_he_is_heard_and_whoever_says_no_name_is_not(
    tmp_path: Path,
) -> None:
    class Garbled(FakeMessage):
        @property
        def from_user(self) -> str:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd")

        @from_user.setter
        def from_user(self, _: str) -> None: ...

    door = Door(tmp_path, user="104")
    assert door.identity.caller(door.invite(), door.directory) == DAVE
    door.strikes(4)
    assert door.admission.admits(door.invite())
    assert door.admission.admits(door.invite(method="REGISTER", to_user="104", from_user="105"))
    with pytest.raises(SourceBlocked):
        door.admission.admits(door.invite(from_user="105"))
    assert not door.admission.admits(door.invite(method="REGISTER", to_user="105"))
    assert not door.admission.admits(Garbled())


def test_given_a_flood_when_counted_then_calls_pass_and_ten_times_as_much_of_users_who_are_proven(
    tmp_path: Path,
) -> None:
    door = Door(tmp_path, user="104")
    door.identity.caller(door.invite(), door.directory)
    strange = [door.invite(method="OPTIONS", from_user="105") for _ in range(7)]
    assert [door.admission.admits(request) for request in strange] == [True] * 5 + [False] * 2
    assert [door.admission.admits(door.invite()) for _ in range(45)] == [True] * 43 + [False] * 2
    door.scene.proxy.route_tenant = DOMAIN
    assert door.admission.admits(door.invite(method="BYE", to_tag="b"))


def test_given_a_trunk_when_it_floods_and_sends_nonsense_then_it_is_heard(tmp_path: Path) -> None:
    door = Door(tmp_path)
    door.strikes(100, flow=CARRIER)
    assert all(door.admission.admits(door.invite(flow=CARRIER)) for _ in range(100))
    # Another port of its address is no trunk, but may send as much.
    neighbour = Flow("udp", CARRIER.ip, CARRIER.port + 1, CARRIER.socket)
    assert all(door.admission.admits(door.invite(flow=neighbour)) for _ in range(100))
    door.strikes(4, flow=neighbour)
    with pytest.raises(SourceBlocked):
        door.admission.admits(door.invite(flow=neighbour))
    assert door.admission.admits(door.invite(flow=CARRIER))


def test_given_no_provisioning_when_requests_come_then_they_are_counted_all_the_same(tmp_path: Path) -> None:
    node = Node(tmp_path, FakeMessage("OPTIONS", ruri_user=""))
    node.provisioned = False
    with pytest.raises(NotProvisioned):
        node.route()
    node.scene.proxy.sane = False
    node.route()
    assert node.scene.transaction.replies == []


def test_given_nobody_who_answers_challenges_when_there_were_too_many_then_they_end_and_credentials_are_still_read(
    tmp_path: Path,
) -> None:
    door = Door(tmp_path)
    for _ in range(4):
        assert door.identity.caller(door.invite(), door.directory) is None
    with pytest.raises(SourceBlocked) as told:
        door.identity.caller(door.invite(), door.directory)
    assert told.value.retry_after_s == 30
    assert door.identity.caller(door.invite(), door.directory) is None
    assert len(door.digest.challenges) == 4
    # The door itself is open: who has his nonce already gets in, and opens it for all.
    assert door.admission.admits(door.invite())
    good = Identity(FakeDigest("104"), door.admission)
    assert good.caller(door.invite(), door.directory) == DAVE
    assert door.identity.caller(door.invite(from_user="105"), door.directory) is None
    assert len(door.digest.challenges) == 5


@pytest.mark.parametrize("claimed", ["104", "anonymous"])
def test_given_a_phone_that_answers_its_challenges_when_it_calls_without_end_then_none_is_refused(
    claimed: str, tmp_path: Path
) -> None:
    door = Door(tmp_path)
    good = Identity(FakeDigest("104"), door.admission)
    more = {"from_user": claimed, "from_host": DOMAIN if claimed == "104" else "anonymous.invalid"}
    for _ in range(50):
        assert door.identity.caller(door.invite(**more), door.directory) is None
        assert good.caller(door.invite(**more), door.directory) == DAVE
    assert len(door.digest.challenges) == 50


def test_given_retransmissions_when_refused_then_they_count_once(tmp_path: Path) -> None:
    door = Door(tmp_path)
    for _ in range(100):
        assert door.identity.caller(invite(fingerprint="same"), door.directory) is None
        with pytest.raises(UnknownDomain):
            door.identity.registrant(
                FakeMessage("REGISTER", to_host="a.example.org", fingerprint="other"), door.directory
            )
    assert len(door.digest.challenges) == 100
    assert door.admission.admits(door.invite(method="OPTIONS"))


def test_given_unknown_domains_when_there_are_too_many_then_the_source_is_blocked(tmp_path: Path) -> None:
    door = Door(tmp_path)
    for _ in range(4):
        with pytest.raises(UnknownDomain):
            door.identity.caller(door.invite(from_host="a.example.org", ruri_host="b.example.org"), door.directory)
    with pytest.raises(SourceBlocked):
        door.admission.admits(door.invite())


def test_given_wrong_passwords_when_there_were_too_many_then_credentials_are_not_looked_at(tmp_path: Path) -> None:
    door = Door(tmp_path, user="104", proof=Proof.WRONG)
    for _ in range(2):
        assert door.identity.caller(door.invite(), door.directory) is None
    door.digest.proof = Proof.GOOD
    with pytest.raises(TooManyFailures) as refused:
        door.identity.caller(door.invite(), door.directory)
    assert (refused.value.status, refused.value.retry_after_s) == (403, 10)
    assert len(door.digest.asked) == len(door.digest.challenges) == 2
    elsewhere = door.invite(flow=FLOW._replace(ip="192.0.2.99"))
    assert door.identity.caller(elsewhere, door.directory) == DAVE
    door.clock.now_s += 10
    assert door.identity.caller(door.invite(), door.directory) == DAVE


@pytest.mark.parametrize("proof", [Proof.STALE, Proof.NONE])
def test_given_a_nonce_that_is_no_good_when_it_is_used_then_it_is_no_wrong_password(
    proof: Proof, tmp_path: Path
) -> None:
    door = Door(tmp_path, user="104")
    assert door.identity.caller(door.invite(), door.directory) == DAVE
    door.digest.proof = proof
    for _ in range(50):
        assert door.identity.caller(door.invite(), door.directory) is None
    door.digest.proof = Proof.GOOD
    assert door.identity.caller(door.invite(), door.directory) == DAVE


def test_given_malformed_requests_when_there_are_too_many_then_the_node_says_so_once_and_is_silent(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path, invite())
    node.scene.proxy.sane = False
    for number in range(Settings().scan_strikes + 1):
        node.scene.request.fingerprint = str(number)
        node.route()
    node.scene.proxy.sane = True
    with pytest.raises(SourceBlocked):
        node.route()
    node.route()
    assert (node.relays, node.scene.transaction.replies) == (0, [])

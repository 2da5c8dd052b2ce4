"""Floods, scans and guesses on a real node; each source has an address of its own, and nobody else is harmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kemi.settings import Settings
from tests.kamailio.conftest import TENANTS, assert_no_traceback
from tests.support.carrier import ENVIRONMENT, Gateway, rings
from tests.support.elsewhere import Elsewhere, address
from tests.support.node import Node
from tests.support.phone import PASSWORD, Phone
from tests.support.phone_calls import Dialog, Outgoing
from tests.support.sip_text import SipMessage
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

STRIKES, FLOOD = 20, 300
SHORT = {
    "STAR87_SCAN_STRIKES": str(STRIKES),
    "STAR87_BLOCK_S": "3",
    "STAR87_FLOOD_REQUESTS_PER_S": str(FLOOD),
    "STAR87_AUTH_BACKOFF_S": "2",
    "STAR87_AUTH_BACKOFF_MAX_S": "3",
}


@pytest.fixture(scope="module")
def short_tenants() -> Tenants:
    return Tenants(TENANTS)


@pytest.fixture(scope="module")
def short_node(short_tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with small bounds and short blocks."""
    with Node(tmp_path_factory.mktemp("short"), short_tenants.document(), environment=SHORT) as node:
        yield node


@pytest.fixture(scope="module")
def patient_node(short_tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with short pauses, on which nobody is blocked who asks whether they are over."""
    environment = {**SHORT, "STAR87_SCAN_STRIKES": "0"}
    with Node(tmp_path_factory.mktemp("patient"), short_tenants.document(), environment=environment) as node:
        yield node


@pytest.fixture
def patient(patient_node: Node, short_tenants: Tenants) -> Iterator[Tenant]:
    tenant = short_tenants.take(patient_node)
    yield tenant
    tenant.close()


@pytest.fixture
def short(short_node: Node, short_tenants: Tenants) -> Iterator[Tenant]:
    log = short_node.folder / short_node.name / "kamailio.log"
    before = len(log.read_text(errors="replace"))
    tenant = short_tenants.take(short_node)
    yield tenant
    tenant.close()
    assert_no_traceback(log, before)


def elsewhere(tenant: Tenant, number: str, ip: str = "", password: str = PASSWORD) -> Elsewhere:
    return Elsewhere(tenant.node.address, number, domain=tenant.domain, ip=ip, password=password)


def scans(scanner: Elsewhere, count: int) -> list[int]:
    """REGISTER without credentials for so many numbers, one after another; the statuses of the answers.

    Raises AssertionError when 403 is not among them.
    """
    vias = [scanner.asks_once("REGISTER", to=f"sip:{1000 + n}@{scanner.domain}") for n in range(count)]
    # Every worker has looked at all that came before: an answer to what always gets one, from each of them.
    for _ in range(8):
        scanner.answer_to(scanner.asks_once("OPTIONS"))

    def statuses() -> list[int]:
        return [answer.status for via in vias if (answer := scanner.answered(via))]

    until(lambda: 403 in statuses(), what=lambda: f"403, not only {statuses()}")
    return statuses()


def talks(caller: Phone, callee: Phone) -> Dialog:
    """An answered call between two phones, seen from the caller."""
    call = caller.dials(callee.number)
    inbound = callee.rung()
    inbound.answers(200)
    dialog = call.dialog(call.expects(200))
    inbound.dialog()
    return dialog


def is_blocked(phone: Elsewhere, count: int = STRIKES + 1) -> None:
    """Send strikes until the source is blocked."""
    for _ in range(count):
        answer = phone.answer_to(phone.asks_once("REGISTER", "sip:nowhere.example.org", to="sip:1@nowhere.example.org"))
        assert answer.status == 403
        assert "Retry-After" not in answer


# Scans


def test_given_a_scan_of_200_numbers_when_nobody_answers_the_challenges_then_one_403_and_silence_end_it(
    tenant: Tenant,
) -> None:
    most = Settings().scan_strikes
    with elsewhere(tenant, "1000") as scanner:
        statuses = scans(scanner, 200)

    # Four workers look and count at once.
    assert most < statuses.count(401) <= most + 4
    assert (statuses.count(403), len(statuses) - statuses.count(401)) == (1, 1)
    assert "gets no more of them" in tenant.node.log()
    # Nobody else is harmed.
    with elsewhere(tenant, "101") as desk:
        assert desk.registers().status == 200


def test_given_a_scan_from_an_office_when_its_phones_go_on_then_all_are_heard_and_new_ones_once_it_is_over(
    short: Tenant,
) -> None:
    with elsewhere(short, "1000") as scanner, elsewhere(short, "101", scanner.ip) as desk:
        assert desk.registers().status == 200
        scans(scanner, 2 * STRIKES)

        assert desk.registers().status == 200
        assert desk.dials("105").ends_with().status == 480
        with elsewhere(short, "102", scanner.ip) as newcomer:
            via = newcomer.asks_once("REGISTER", to=newcomer.aor)
            assert desk.registers().status == 200
            assert newcomer.answered(via) is None
            until(lambda: _is_heard(newcomer), within_s=8, what="the source is heard again")
            assert newcomer.registers().status == 200


def _is_heard(phone: Elsewhere) -> bool:
    via = phone.asks_once("REGISTER", to=phone.aor)
    try:
        return phone.answer_to(via, within_s=0.2).status == 401
    except AssertionError:
        return False


def test_given_open_challenges_beyond_the_bound_when_one_is_answered_well_then_challenges_go_out_again(
    short: Tenant,
) -> None:
    """An office that wakes up: every phone asks at once, and the answers come later."""
    with elsewhere(short, "101") as first, elsewhere(short, "1000", first.ip) as others:
        challenge = first.answer_to(first.asks_once("REGISTER", to=first.aor))
        scans(others, 2 * STRIKES)

        proof = first.proves(challenge, "REGISTER", f"sip:{first.domain}")
        answer = first.answer_to(first.asks_once("REGISTER", to=first.aor, headers=[proof]))
        assert answer.status == 200
        assert others.answer_to(others.asks_once("REGISTER", to=others.aor)).status == 401


def test_given_strikes_beyond_the_bound_when_more_is_sent_then_403_says_how_long_and_then_nothing(
    short: Tenant,
) -> None:
    with elsewhere(short, "101") as stranger:
        is_blocked(stranger)

        told = stranger.answer_to(stranger.asks_once("REGISTER", to=stranger.aor))
        assert (told.status, told["Retry-After"] in ("2", "3")) == (403, True)
        assert "Warning" in told
        vias = [stranger.asks_once(method) for method in ("OPTIONS", "REGISTER", "INVITE", "MESSAGE") for _ in range(4)]
        malformed = stranger.requests("INVITE", f"sip:101@{short.domain}").replace("CSeq: 1", "CSeq: one")
        stranger.sends(malformed)
        with elsewhere(short, "104") as other:
            for _ in range(8):
                assert other.asks("OPTIONS").status == 200
        assert [via for via in vias if stranger.answered(via)] == []
        assert stranger.statuses() == []


def test_given_a_blocked_source_when_its_calls_go_on_then_what_is_in_them_passes_and_forged_routes_do_not(
    short: Tenant,
) -> None:
    callee = short.phone("101", register=True)
    with elsewhere(short, "104") as caller, elsewhere(short, "1000", caller.ip) as bad:
        talk, ringing = talks(caller, callee), caller.dials("101")
        inbound = callee.rung()
        inbound.answers(180)
        ringing.expects(180)
        is_blocked(bad)

        ringing.cancels()
        inbound.is_cancelled()
        ringing.expects(487)
        talk.reinvites(callee, "sendonly", "recvonly")
        talk.ends(callee)
        # With a To tag and a Route of its own making.
        bad.answer_to(bad.asks_once("OPTIONS"))
        forged = bad.requests(
            "BYE", callee.contact, to_tag="x", headers=[("Route", f"<sip:{short.node.address};lr;tenant=x>")]
        )
        bad.sends(forged)
        for _ in range(8):
            assert caller.asks("OPTIONS").status == 200
        assert bad.statuses() == []
        callee.hears()
        assert callee.inbox == []


def test_given_retransmissions_when_counted_then_they_cost_nothing(short: Tenant) -> None:
    with elsewhere(short, "101") as phone:
        via = phone.via()
        text = phone.requests("REGISTER", f"sip:{phone.domain}", to=phone.aor, via=via)
        for _ in range(4 * STRIKES):
            phone.sends(text)
        assert phone.registers().status == 200
        unknown = phone.requests("REGISTER", "sip:nowhere.example.org", to="sip:1@nowhere.example.org")
        for _ in range(4 * STRIKES):
            phone.sends(unknown)
        assert phone.registers().status == 200


# Passwords


def test_given_five_wrong_passwords_when_the_right_one_comes_then_it_is_not_looked_at_but_from_elsewhere_it_is(
    tenant: Tenant,
) -> None:
    with elsewhere(tenant, "101", password="guessed") as guesser, elsewhere(tenant, "101") as owner:
        assert [guesser.registers().status for _ in range(5)] == [401] * 5

        guesser.password = PASSWORD
        refused = guesser.registers()
        assert refused.status == 403
        assert 0 < int(refused["Retry-After"]) <= 15
        assert guesser.dials("105").ends_with().status == 403
        assert owner.registers().status == 200
        # It is about one user.
        with elsewhere(tenant, "104", guesser.ip) as neighbour:
            assert neighbour.registers().status == 200


@pytest.mark.parametrize("number", ["101", "199"], ids=["an extension", "nobody"])
def test_given_a_pause_when_it_is_over_and_the_password_is_wrong_again_then_the_next_one_is_longer_up_to_a_bound(
    number: str, patient: Tenant
) -> None:
    with elsewhere(patient, number, password="guessed") as guesser:
        assert [guesser.registers().status for _ in range(5)] == [401] * 5
        pauses = []
        for _ in range(3):
            refused = guesser.registers()
            assert refused.status == 403
            pauses.append(int(refused["Retry-After"]))
            # The first that is looked at again is wrong again.
            until(lambda: guesser.registers().status == 401, within_s=8, what="the end of the pause")
        assert pauses[0] <= 2 < pauses[1] == pauses[2] == 3, pauses


def test_given_wrong_passwords_from_a_phone_s_own_address_when_it_goes_on_then_it_is_not_locked_out(
    tenant: Tenant,
) -> None:
    """As behind one NAT, or with a forged address: another port is not the phone."""
    with elsewhere(tenant, "101") as owner, elsewhere(tenant, "101", owner.ip, "guessed") as guesser:
        assert owner.registers().status == 200
        assert [guesser.registers().status for _ in range(6)] == [401] * 5 + [403]
        with elsewhere(tenant, "101", owner.ip, "guessed") as other_port:
            assert other_port.registers().status == 403
        assert owner.registers().status == 200


# Floods


def test_given_a_flood_when_others_call_then_they_are_unharmed_and_so_are_the_calls_of_its_own_source(
    short: Tenant,
) -> None:
    callee, caller = short.phone("101", register=True), short.phone("104")
    with elsewhere(short, "104") as talking, elsewhere(short, "1000", talking.ip) as flooding:
        talk = talks(talking, callee)
        for round_ in range(40):
            # A caller who is answered in between shows that the node keeps up: what is lost is dropped, not overrun.
            for _ in range(60):
                flooding.asks_once("OPTIONS")
            assert caller.asks("OPTIONS").status == 200
            if round_ == 20:
                other = caller.dials("101")
                inbound = callee.rung()
                inbound.answers(180)
                other.expects(180)
                talk.ends(callee)
        other.cancels()
        inbound.is_cancelled()
        other.expects(487)
        assert 0 < len(flooding.statuses()) < 40 * 60 / 2


def test_given_one_phone_when_it_makes_calls_as_fast_as_it_can_then_none_is_refused(tenant: Tenant) -> None:
    with elsewhere(tenant, "104") as phone:
        uri = f"sip:105@{tenant.domain}"
        calls = [Outgoing(phone, uri, [], "") for _ in range(300)]
        for start in range(0, len(calls), 50):
            batch = calls[start : start + 50]
            for call in batch:
                call.invites()
            for call in batch:
                challenge = call.expects(407)
                call.invites(phone.proves(challenge, "INVITE", uri))
            assert [call.expects(403, 480).status for call in batch] == [480] * len(batch)


# Trunks


def test_given_a_trunk_when_it_sends_nonsense_and_floods_then_it_is_answered_each_time_and_its_calls_go_on(
    evidence: Path,
) -> None:
    tenants = Tenants(1)
    document = yaml.safe_load(tenants.document())
    with Gateway() as carrier:
        document["trunks"] = [
            {"name": "carrier", "sources": [carrier.address], "dids": {"+15550100": "101@t0.example.com"}}
        ]
        node = Node(evidence / "node", yaml.safe_dump(document), environment={**ENVIRONMENT, **SHORT})
        with node, Phone(node.address, "101", domain="t0.example.com") as reception:
            carrier.joins(node)
            assert reception.registers().status == 200
            malformed = carrier.requests("INVITE", "sip:1@nowhere.example.org").replace("CSeq: 1", "CSeq: one")
            for _ in range(2 * STRIKES):
                assert carrier.requests_once("INVITE", "sip:+1999@nowhere.example.org").status == 404
                carrier.sends(malformed.replace("Call-ID: ", "Call-ID: x"))
            for _ in range(2 * FLOOD):
                assert carrier.requests_once("OPTIONS", f"sip:{node.address}").status == 200

            call = carrier.calls("+15550100", host="t0.example.com")
            rings(call, reception)


# Pickups


def refused(phone: Phone, dialled: str) -> SipMessage:
    return phone.dials(f"*87{dialled}").ends_with()


def test_given_a_picker_who_is_refused_too_often_when_dialling_on_then_all_is_refused_for_a_while_and_recorded_once(
    tenant: Tenant,
) -> None:
    carol, dave = tenant.phone("103"), tenant.phone("104")
    answers = [refused(carol, number).status for number in ["105", "199"] * 5]
    assert answers == [403, 404] * 5
    ringing = tenant.phone("101", register=True)
    call = tenant.phone("102").dials("101")
    ringing.rung().answers(180)
    call.expects(180)

    for dialled in ("105", "199", "101", "101", ""):
        answer = refused(carol, dialled)
        assert (answer.status, answer.reason) == (403, "Pickup Not Permitted")
        assert 0 < int(answer["Retry-After"]) <= 60

    # Others may still: only the caller's phone has the last word.
    assert refused(dave, "105").status == 403
    picking = dave.dials("*87101")
    call.phone.expects(lambda m: m.method == "INVITE" and "Replaces" in m, "INVITE with Replaces")
    picking.cancels()
    until(lambda: len(tenant.outcomes()) >= 13, what=lambda: f"the record; it has {tenant.outcomes()}")
    assert [outcome for outcome, _ in tenant.outcomes()] == [
        *["not_permitted", "no_such_account"] * 5,
        *("rate_limited", "not_permitted", "cancelled"),
    ]


def test_given_hidden_accounts_when_refused_then_there_and_not_there_are_told_alike_and_the_record_keeps_the_truth(
    tenant: Tenant,
) -> None:
    tenant.change(lambda document: document.update(settings={"hide_accounts": True}))
    erin, dave = tenant.phone("105"), tenant.phone("104")

    hidden, missing = refused(dave, "102"), refused(dave, "199")
    seen = refused(erin, "101")

    def told(answer: SipMessage) -> list[object]:
        varying = ("Via", "From", "To", "Call-ID")
        return [answer.start, *((name, value) for name, value in answer.headers if name not in varying)]

    assert told(hidden) == told(missing)
    assert (hidden.status, hidden.reason) == (403, "Pickup Not Permitted")
    assert seen.status == 403
    assert seen["Warning"] != hidden["Warning"]
    assert "101" in seen["Warning"]
    assert tenant.outcomes() == [("not_permitted", 403), ("no_such_account", 403), ("not_permitted", 403)]


def test_given_no_credentials_when_the_code_is_dialled_then_nothing_is_written_into_the_record(tenant: Tenant) -> None:
    with elsewhere(tenant, "103", password="guessed") as stranger:
        stranger.answer_to(stranger.asks_once("INVITE", f"sip:*87101@{tenant.domain}"))
        assert refused(stranger, "101").status == 407
        assert refused(tenant.phone("103"), "105").status == 403
        assert tenant.outcomes() == [("not_permitted", 403)]


def test_given_addresses_when_taken_then_no_two_tests_share_one() -> None:
    assert address() != address()

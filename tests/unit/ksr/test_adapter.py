"""The adapter to Kamailio, against the strict double of KSR: messages, locations, digest, the proxy's duties."""

from __future__ import annotations

import pytest

from kemi.sip.flow import Flow
from tests.support.fake_ksr import FakeKsr, install
from tests.unit.ksr.kamailio import VARIABLES, kamailio

with install():
    from kemi.ksr import proxy
    from kemi.ksr.digest import KamailioDigest
    from kemi.ksr.incoming import Incoming
    from kemi.ksr.location import KamailioLocation
    from kemi.ksr.proxy import KamailioProxy
    from kemi.ksr.seal import Seal
    from kemi.ksr.transaction import KamailioTransaction

SEAL = Seal(b"k" * 32)
CALL_ID = str(VARIABLES["$ci"])
SEALED = SEAL.put("pbx.example.com", CALL_ID)
OTHER = SEAL.put("b.example.org", CALL_ID)

# Incoming


def test_given_a_request_when_read_then_hosts_are_lower_case_and_null_is_empty() -> None:
    with kamailio():
        message = Incoming()
        assert (message.method, message.ruri_user, message.ruri_host) == ("INVITE", "101", "pbx.example.com")
        assert (message.from_user, message.from_host, message.from_tag) == (
            "104",
            "pbx.example.com",
            "caller-tag",
        )
        assert (message.to_user, message.to_host, message.to_tag) == ("101", "pbx.example.com", "")
        assert (message.call_id, message.cseq, message.body) == ("a84b4c", "314159", "")
        assert message.contact_uri == "sip:104@192.0.2.4:5070"
        assert message.flow == Flow("udp", "192.0.2.4", 5070, "udp:192.0.2.1:5060")


@pytest.mark.parametrize(
    ("received", "name"),
    [
        (None, ""),
        ("Dave", "Dave"),
        ('"Dave"', "Dave"),
        ('"Bob \\"The Man\\" \\\\"', 'Bob "The Man" \\'),
        ('"x\\""', 'x"'),
        ('""', ""),
    ],
)
def test_given_a_display_name_when_read_then_it_is_what_was_meant_without_quoting(
    received: str | None, name: str
) -> None:
    """RFC 3261 §25.1: in a quoted-string a backslash only escapes what follows it."""
    with kamailio(**{"$fn": received}):
        assert Incoming().from_display == name


def test_given_a_body_of_other_bytes_when_read_then_its_ascii_is_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 3261 §7.4.1."""
    with kamailio(**{"$(rb{s.encode.hexa})": "613d73656e646f6e6c79ff"}) as fake:
        read = fake.variables.read

        def not_utf_8(name: str) -> str | int | None:
            return b"\xff".decode() if name == "$rb" else read(name)

        monkeypatch.setattr(fake.variables, "read", not_utf_8)
        assert Incoming().body == "a=sendonly\xff"


def test_given_a_value_when_read_twice_then_kamailio_is_asked_once() -> None:
    with kamailio() as fake:
        message = Incoming()
        assert message.call_id == message.call_id
        assert fake.called("pv.get") == [("$ci",)]


def test_given_headers_when_read_then_all_lines_come_in_order_and_none_is_invented() -> None:
    with kamailio():
        message = Incoming()
        assert message.header_values("Record-Route") == ("<sip:a;lr>", "<sip:b;lr>")
        assert message.header("record-route") == "<sip:a;lr>"
        assert (message.header("Replaces"), message.header_values("Replaces")) == ("", ())
        assert message.has_header("Supported")
        assert not message.has_header("Replaces")


def test_given_header_changes_when_relayed_then_they_left_with_the_request() -> None:
    with kamailio() as fake:
        message = Incoming()
        message.remove_header("Supported")
        message.append_header("Require: replaces")
        assert KamailioTransaction().relay()
        assert fake.relays[0].appended == (("Require", "replaces"),)
        assert fake.relays[0].removed == ("Supported",)


def test_given_a_reply_when_read_then_its_status_is_a_number() -> None:
    with kamailio(**{"$rs": 486}):
        assert Incoming().status == 486


# Location


def test_given_members_when_rung_then_the_first_contact_is_the_target_and_all_others_stand_beside_it() -> None:
    with kamailio() as fake:
        location = KamailioLocation()
        assert location.ring("199", "pbx.example.com", first=True) == 0
        assert location.ring("101", "pbx.example.com", first=True) == 2
        assert location.ring("102", "pbx.example.com", first=False) == 1
        assert location.ring("198", "pbx.example.com", first=False) == 0
        KamailioTransaction().relay()
        (relay,) = fake.relays
        rung = [relay.uri, *(branch.uri for branch in relay.branches)]
        assert rung == ["sip:101@192.0.2.9:1", "sip:101@192.0.2.9:2", "sip:102@192.0.2.9:3"]


def test_given_a_number_when_asked_then_only_one_with_a_contact_is_registered() -> None:
    with kamailio() as fake:
        location = KamailioLocation()
        assert location.is_registered("101", "pbx.example.com")
        assert not location.is_registered("199", "pbx.example.com")
        KamailioTransaction().relay()
        assert fake.relays[0].branches == ()


@pytest.mark.parametrize(("answer", "saved"), [(1, True), (3, True), (-1, False)])
def test_given_a_register_when_saved_then_kamailio_s_answer_counts(answer: int, saved: bool) -> None:
    with kamailio(**{"$rm": "REGISTER"}) as fake:
        fake.answer("registrar.save", answer)
        assert KamailioLocation().save() is saved


# Digest


def secret_of_104(user: str) -> str | None:
    return "0123456789abcdef" if user == "104" else None


def test_given_no_credentials_when_asked_then_a_challenge_with_qop_goes_out() -> None:
    with kamailio() as fake:
        fake.answer("auth.has_credentials", -1)
        fake.answer("auth.auth_challenge", 1)
        assert KamailioDigest().user("pbx.example.com", secret_of_104) is None
        assert fake.called("auth.auth_challenge") == [("pbx.example.com", 1)]


def test_given_good_credentials_when_asked_then_the_user_comes_back_and_they_are_taken_out() -> None:
    with kamailio(**{"$au": "104"}) as fake:
        fake.answer("auth.has_credentials", 1)
        fake.answer("auth.pv_auth_check", 1)
        fake.answer("auth.consume_credentials", 1)
        assert KamailioDigest().user("pbx.example.com", secret_of_104) == "104"
        assert fake.called("auth.pv_auth_check") == [("pbx.example.com", "0123456789abcdef", 1, 0)]
        assert len(fake.called("auth.consume_credentials")) == 1


@pytest.mark.parametrize(("user", "check"), [("104", -2), ("199", None), (None, None)])
def test_given_a_wrong_password_or_an_unknown_user_when_asked_then_the_challenge_is_the_same(
    user: str | None, check: int | None
) -> None:
    with kamailio(**{"$au": user}) as fake:
        fake.answer("auth.has_credentials", 1)
        fake.answer("auth.auth_challenge", 1)
        if check is not None:
            fake.answer("auth.pv_auth_check", check)
        assert KamailioDigest().user("pbx.example.com", secret_of_104) is None
        assert fake.called("auth.auth_challenge") == [("pbx.example.com", 1)]
        assert fake.called("auth.consume_credentials") == []


@pytest.mark.parametrize("stale", [-4, -6])
def test_given_a_nonce_that_is_old_or_used_when_asked_then_the_challenge_says_stale(stale: int) -> None:
    with kamailio(**{"$au": "104"}) as fake:
        fake.answer("auth.has_credentials", 1)
        fake.answer("auth.pv_auth_check", stale)
        fake.answer("auth.auth_challenge", 1)
        assert KamailioDigest().user("pbx.example.com", secret_of_104) is None
        assert fake.called("auth.auth_challenge") == [("pbx.example.com", 17)]


# Proxy


@pytest.mark.parametrize(("answer", "good"), [(1, True), (-1, False)])
def test_given_kamailio_s_checks_when_asked_then_their_answers_count(answer: int, good: bool) -> None:
    with kamailio() as fake:
        for path in ("maxfwd.process_maxfwd", "sanity.sanity_check"):
            fake.answer(path, answer)
        checks = KamailioProxy()
        assert (checks.has_hops_left(), checks.is_sane()) == (good, good)


@pytest.mark.parametrize(("followed", "ours", "leads_here"), [(1, 1, True), (1, -1, False), (-1, -1, False)])
def test_given_a_route_when_followed_then_only_one_that_was_this_node_s_counts(
    followed: int, ours: int, leads_here: bool
) -> None:
    """Kamailio's loose_route() follows a Route to anybody."""
    with kamailio() as fake:
        fake.answer("rr.loose_route", followed)
        fake.answer("rr.check_route_param", ours)
        assert KamailioProxy().follow_route() is leads_here


def test_given_a_dialog_when_recorded_then_the_route_says_whose_it_is() -> None:
    with kamailio() as fake:
        fake.answer("rr.record_route_params", 1)
        KamailioProxy(SEAL).record_route("pbx.example.com")
        assert fake.called("rr.record_route_params") == [(f";tenant={SEALED}",)]


@pytest.mark.parametrize(
    ("route", "tenant"),
    [
        (f"<sip:192.0.2.1;lr;tenant={SEALED}>", "pbx.example.com"),
        (f"<sip:192.0.2.1;tenant={SEALED};lr=on>, <sip:192.0.2.2;lr;tenant={OTHER}>", "pbx.example.com"),
        (f"<sip:192.0.2.1;lr>;tenant={OTHER}", ""),
        (f"<sip:192.0.2.1;lr>, <sip:192.0.2.2;lr;tenant={OTHER}>", ""),
        (f"<sip:192.0.2.1;lr;subtenant={OTHER}>", ""),
        ("<sip:192.0.2.1;lr;tenant=pbx.example.com>", ""),
        (f"<sip:192.0.2.1;lr;tenant={SEAL.put('pbx.example.com', 'another-call')}>", ""),
        (None, ""),
    ],
)
def test_given_a_route_when_its_tenant_is_asked_then_only_the_first_route_s_own_parameter_counts(
    route: str | None, tenant: str
) -> None:
    headers = [] if route is None else [("Route", route)]
    with install(FakeKsr(VARIABLES, headers=headers)):
        assert KamailioProxy(SEAL).tenant_of_route() == tenant


def test_given_a_request_that_is_known_when_asked_then_it_is_a_retransmission() -> None:
    for precheck, check, known in ((1, 0, True), (-1, 0, True), (-1, -1, False), (-1, 1, False)):
        with kamailio() as fake:
            fake.answer("tmx.t_precheck_trans", precheck)
            fake.answer("tm.t_check_trans", check)
            assert KamailioProxy().is_retransmission() is known


def test_given_a_snapshot_when_published_then_every_worker_reads_its_path() -> None:
    with kamailio():
        proxy.publish_directory("/run/star87/n/directory-1.sqlite")
        assert proxy.published_directory() == "/run/star87/n/directory-1.sqlite"


def test_given_words_for_the_log_when_written_then_each_is_a_line_of_its_level() -> None:
    with kamailio() as fake:
        proxy.log_notice("provisioning version 1 is in force")
        proxy.log_error("Traceback")
        assert fake.logged == [("notice", "provisioning version 1 is in force\n"), ("err", "Traceback\n")]

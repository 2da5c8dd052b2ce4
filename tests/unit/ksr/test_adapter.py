"""The adapter to Kamailio, against the strict double of KSR: messages, locations, digest, the proxy's duties."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kemi.settings import Settings
from kemi.sip.dialog import DialogId
from kemi.sip.flow import Flow
from kemi.sip.ports import Proof
from tests.support.fake_ksr import FakeKsr, install
from tests.support.fake_peers import FakePeers
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
CALL = f"{CALL_ID} {VARIABLES['$ft']}"
SEALED = SEAL.put("pbx.example.com", CALL)
OTHER = SEAL.put("b.example.org", CALL)

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


@pytest.mark.parametrize("is_answer", [True, False])
def test_given_a_nul_in_a_name_or_header_when_read_then_an_answer_s_is_replaced_and_a_request_is_refused(
    is_answer: bool,
) -> None:
    """Kamailio cannot be given a NUL back."""
    headers = [("Supported", "a\0b")]
    with install(fake := FakeKsr({**VARIABLES, "$ci": "a\0b"}, headers=headers)):
        fake.answer("siputils.is_reply", 1 if is_answer else -1)
        message = Incoming()
        reads: list[Callable[[], str]] = [lambda: message.call_id, lambda: message.header("Supported")]
        for read in reads:
            if is_answer:
                assert read() == "a\ufffdb"
            else:
                with pytest.raises(UnicodeDecodeError):
                    read()


@pytest.mark.parametrize(("is_answer", "read"), [(True, "sip:1\ufffd@a"), (False, None)])
def test_given_a_contact_that_is_not_utf_8_when_read_then_an_answer_s_goes_on_and_a_request_s_is_refused(
    is_answer: bool, read: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows from an answer (it is recorded, claims are settled) must follow."""
    with kamailio(**{"$(ct{nameaddr.uri}{s.encode.hexa})": b"sip:1\xff@a".hex()}) as fake:
        fake.answer("siputils.is_reply", 1 if is_answer else -1)
        plain = fake.variables.read

        def not_utf_8(name: str) -> str | int | None:
            return b"\xff".decode() if name == "$(ct{nameaddr.uri})" else plain(name)

        monkeypatch.setattr(fake.variables, "read", not_utf_8)
        if read is None:
            with pytest.raises(UnicodeDecodeError):
                _ = Incoming().contact_uri
        else:
            assert Incoming().contact_uri == read


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
        location = KamailioLocation(Settings(), FakePeers())
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
        location = KamailioLocation(Settings(), FakePeers())
        assert location.is_registered("101", "pbx.example.com")
        assert not location.is_registered("199", "pbx.example.com")
        KamailioTransaction().relay()
        assert fake.relays[0].branches == ()


@pytest.mark.parametrize(("answer", "saved"), [(1, True), (3, True), (-1, False)])
def test_given_a_register_when_saved_then_kamailio_s_answer_counts(answer: int, saved: bool) -> None:
    with kamailio(**{"$rm": "REGISTER"}) as fake:
        fake.answer("siputils.is_first_hop", -1)
        fake.answer("registrar.save", answer)
        assert KamailioLocation(Settings(), FakePeers()).save() is saved


# Digest


HA1 = "0123456789abcdef"


def test_given_no_credentials_when_asked_then_there_is_no_user() -> None:
    with kamailio() as fake:
        fake.answer("auth.has_credentials", -1)
        assert KamailioDigest().user("pbx.example.com") == ""


@pytest.mark.parametrize(("stale", "flags"), [(False, 1), (True, 17)])
def test_given_a_challenge_when_sent_then_it_has_qop_and_says_whether_the_nonce_was_stale(
    stale: bool, flags: int
) -> None:
    with kamailio() as fake:
        fake.answer("auth.auth_challenge", 1)
        KamailioDigest().challenge("pbx.example.com", stale=stale)
        assert fake.called("auth.auth_challenge") == [("pbx.example.com", flags)]


@pytest.mark.parametrize(
    ("made_for", "good"),
    [
        ("sip:101@pbx.example.com", True),
        ("sip:%3101@PBX.example.com:5060;transport=tcp", True),
        ("sip:102@pbx.example.com", False),
        ("sip:*87101@pbx.example.com", False),
        ("sip:101@other.example.com", False),
        ("sip:pbx.example.com", True),
        ("sip:192.0.2.1:5060", True),
        ("tel:101", False),
        ("", False),
    ],
)
def test_given_credentials_for_another_target_when_checked_then_they_prove_nothing(made_for: str, good: bool) -> None:
    """RFC 2617 §3.2.2.5."""
    with kamailio(**{"$au": "104", "$adu": made_for, "$ru": "sip:101@pbx.example.com"}) as fake:
        fake.answer("get_debug", 2)
        fake.answer("auth.pv_auth_check", 1)
        fake.answer("auth.consume_credentials", 1)
        assert KamailioDigest().check("pbx.example.com", HA1) is (Proof.GOOD if good else Proof.NONE)
        assert len(fake.called("auth.consume_credentials")) == good


@pytest.mark.parametrize(("level", "hushed"), [(2, 0), (3, 1), (4, 1)])
def test_given_a_level_at_which_arguments_are_logged_when_credentials_are_checked_then_they_are_not(
    level: int, hushed: int
) -> None:
    uri = "sip:101@pbx.example.com"
    with kamailio(**{"$au": "104", "$adu": uri, "$ru": uri}) as fake:
        fake.answer("get_debug", level)
        fake.answer("kex.setdebug", 1)
        fake.answer("kex.resetdebug", 1)
        fake.answer("auth.pv_auth_check", 1)
        fake.answer("auth.consume_credentials", 1)
        assert KamailioDigest().check("pbx.example.com", HA1) is Proof.GOOD
        assert (fake.called("kex.setdebug"), fake.called("kex.resetdebug")) == ([(1,)] * hushed, [()] * hushed)


def test_given_good_credentials_when_asked_then_the_user_comes_back_and_they_are_taken_out() -> None:
    uri = "sip:101@pbx.example.com"
    with kamailio(**{"$au": "104", "$adu": uri, "$ru": uri}) as fake:
        fake.answer("auth.has_credentials", 1)
        fake.answer("get_debug", 2)
        fake.answer("auth.pv_auth_check", 1)
        fake.answer("auth.consume_credentials", 1)
        assert KamailioDigest().user("pbx.example.com") == "104"
        assert KamailioDigest().check("pbx.example.com", HA1) is Proof.GOOD
        assert fake.called("auth.pv_auth_check") == [("pbx.example.com", HA1, 1, 0)]
        assert len(fake.called("auth.consume_credentials")) == 1


@pytest.mark.parametrize(
    ("check", "proof"),
    [(-2, Proof.WRONG), (-4, Proof.STALE), (-6, Proof.STALE), (-1, Proof.NONE), (-3, Proof.NONE), (-5, Proof.NONE)],
)
@pytest.mark.parametrize("ha1", [HA1, None])
def test_given_bad_credentials_when_checked_then_only_the_password_is_called_wrong_and_alike_for_unknown_users(
    check: int, proof: Proof, ha1: str | None
) -> None:
    with kamailio(**{"$au": "104"}) as fake:
        fake.answer("get_debug", 2)
        fake.answer("auth.pv_auth_check", check)
        assert KamailioDigest().check("pbx.example.com", ha1) is proof
        assert fake.called("auth.consume_credentials") == []


def test_given_an_unknown_user_when_his_credentials_are_checked_then_no_answer_of_the_module_makes_them_good() -> None:
    with kamailio(**{"$au": "199"}) as fake:
        fake.answer("get_debug", 2)
        fake.answer("auth.pv_auth_check", 1)
        assert KamailioDigest().check("pbx.example.com", None) is Proof.WRONG
        ((_, secret, _, _),) = fake.called("auth.pv_auth_check")
        assert len(secret) == 32


# Proxy


@pytest.mark.parametrize(("answer", "good"), [(1, True), (-1, False)])
def test_given_kamailio_s_checks_when_asked_then_their_answers_count(answer: int, good: bool) -> None:
    body: dict[str, str | int | None] = {"$cl": 0, "$bs": 0, "$(mb{s.select,1, })": "sip:101@pbx.example.com"}
    with kamailio(**body) as fake:
        for path in ("maxfwd.process_maxfwd", "sanity.sanity_check", "sanity.sanity_reply"):
            fake.answer(path, answer)
        checks = KamailioProxy()
        assert (checks.has_hops_left(), checks.is_sane()) == (good, good)


@pytest.mark.parametrize(
    ("route", "asked", "is_here", "followed", "leads_here"),
    [
        ("<sip:192.0.2.1:5060;lr;ftag=1>", "sip:192.0.2.1:5060", True, 1, True),
        ("<sip:192.0.2.1:5060;transport=ws;lr>, <sip:edge;lr>", "sip:192.0.2.1:5060", True, 1, True),
        (" <sip:192.0.2.1>", "sip:192.0.2.1", True, 1, True),
        ("<sip:192.0.2.1:5060;lr>", "sip:192.0.2.1:5060", True, -1, False),
        ("<sip:edge;lr>, <sip:192.0.2.1;lr>", "sip:edge", False, 1, False),
        ('"<sip:192.0.2.1;lr>" <sip:edge;lr>', None, True, 1, False),
        ("sip:192.0.2.1;lr", None, True, 1, False),
        (None, None, True, -1, False),
    ],
)
def test_given_a_route_when_followed_then_only_one_that_was_this_node_s_counts(
    route: str | None, asked: str | None, is_here: bool, followed: int, leads_here: bool
) -> None:
    """Kamailio's loose_route() follows a Route to anybody."""
    headers = [] if route is None else [("Route", route)]
    with install(FakeKsr({**VARIABLES, "$du": None}, headers=headers)) as fake:
        assert fake is not None
        fake.answer("is_myself", is_here)
        fake.answer("rr.loose_route", followed)
        fake.answer("nathelper.handle_ruri_alias", 2)
        assert KamailioProxy().follow_route() is leads_here
        assert fake.called("is_myself") == ([] if asked is None else [(asked,)])


@pytest.mark.parametrize(("known", "own"), [(None, True), ("104@a", True), ("105@a", False), ("trunk b", False)])
def test_given_a_name_when_a_call_begins_under_it_then_it_is_the_first_caller_s(known: str | None, own: bool) -> None:
    with kamailio() as fake:
        fake.answer("htable.sht_get", known)
        fake.answer("htable.sht_sets", 1)
        assert KamailioProxy().has_name_of_own("104@a") is own
        name = DialogId("a84b4c", "caller-tag").key
        assert fake.called("htable.sht_sets") == ([("names", name, "104@a")] if known is None else [])


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
def test_given_a_route_or_record_route_when_its_tenant_is_asked_then_only_the_first_one_s_own_parameter_counts(
    route: str | None, tenant: str
) -> None:
    headers = [] if route is None else [("Route", route)]
    with install(FakeKsr(VARIABLES, headers=headers)):
        assert KamailioProxy(SEAL).tenant_of_route() == tenant
    headers = [] if route is None else [("Record-Route", route)]
    with install(FakeKsr(VARIABLES, headers=headers)):
        assert KamailioProxy(SEAL).tenant_of_record_route() == tenant


@pytest.mark.parametrize(
    ("from_tag", "to_tag", "tenant"),
    [
        ("caller-tag", "callee-tag", "pbx.example.com"),
        ("callee-tag", "caller-tag", "pbx.example.com"),
        ("of-another-call", "callee-tag", ""),
        ("of-another-call", None, ""),
    ],
)
def test_given_a_request_of_either_end_when_its_tenant_is_asked_then_the_seal_is_for_that_caller_s_call_alone(
    from_tag: str, to_tag: str | None, tenant: str
) -> None:
    """A call of one's own under the same Call-ID opens no other."""
    ends = {"$ft": from_tag, "$tt": to_tag}
    with install(FakeKsr({**VARIABLES, **ends}, headers=[("Route", f"<sip:192.0.2.1;lr;tenant={SEALED}>")])):
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

"""Which devices carry a Replaces out: what was learnt, what is shipped, what the device says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.pickup.devices import KNOWN, Verdict, name_of, shipped, verdict
from tests.support.fake_store import caller

TEXTS = st.text(max_size=120) | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("PJSUA v2.15 Linux-6.1/x86_64/glibc-2.36", Verdict.GOOD),
        ("pjsip/2.15", Verdict.GOOD),
        ("baresip v4.10.0 (x86_64/Linux)", Verdict.BAD),
        ("Baresip v4", Verdict.BAD),
        ("baresip v10.1.0 (arm64/Linux)", Verdict.BAD),
        ("baresip v1.0.0 (x86_64/linux)", Verdict.BAD),
        ("baresip v0.5.10 (mips/linux)", Verdict.BAD),
        ("LinphoneDesktop/5.1.2 (host) Debian/12 Qt/5.15 LinphoneSDK/5.1.0", Verdict.BAD),
        ("Acme Phone/3 (iPhone) LinphoneSDK/5.1.0", Verdict.BAD),
        ("liblinphone/5.1", Verdict.BAD),
        ("Jami Daemon 13.7.0 (linux)", Verdict.BAD),
        ("TWINKLE/1.10.3", Verdict.BAD),
        # Nobody tried these.
        ("baresip v1.1.0 (x86_64/linux)", Verdict.UNKNOWN),
        ("baresip v3.15.0 (x86_64/Linux)", Verdict.UNKNOWN),
        ("baresip", Verdict.UNKNOWN),
        ("PJSUArium/1", Verdict.UNKNOWN),
        ("Asterisk PBX 20.5.0", Verdict.UNKNOWN),
        ("Desk/1 (like linphone/5 and Twinkle/1.10)", Verdict.UNKNOWN),
        ("Jamiroquai/1", Verdict.UNKNOWN),
        ("Desk Twinkle/1.10", Verdict.UNKNOWN),
        ("", Verdict.UNKNOWN),
    ],
)
def test_given_a_user_agent_when_looked_up_then_only_what_was_tried_is_known(
    user_agent: str, expected: Verdict
) -> None:
    assert shipped(user_agent) is expected


def test_given_the_shipped_list_when_read_then_every_line_has_its_evidence() -> None:
    assert all(known.evidence and known.verdict is not Verdict.UNKNOWN for known in KNOWN)


@pytest.mark.parametrize(
    ("learnt", "user_agent", "says_so", "expected"),
    [
        (Verdict.GOOD, "Twinkle/1.10", True, Verdict.GOOD),
        (Verdict.BAD, "PJSUA v2.15", True, Verdict.BAD),
        (Verdict.GOOD, "Desk/1", False, Verdict.GOOD),
        (Verdict.UNKNOWN, "Twinkle/1.10", True, Verdict.BAD),
        (Verdict.UNKNOWN, "PJSUA v2.15", True, Verdict.GOOD),
        (Verdict.UNKNOWN, "PJSUA v2.15", False, Verdict.UNKNOWN),
        (Verdict.UNKNOWN, "Twinkle/1.10", False, Verdict.BAD),
        (Verdict.UNKNOWN, "Desk/1", True, Verdict.UNKNOWN),
        (Verdict.UNKNOWN, "", False, Verdict.UNKNOWN),
    ],
)
def test_given_what_was_learnt_and_shipped_when_judged_then_the_device_itself_goes_before_its_make(
    learnt: Verdict, user_agent: str, says_so: bool, expected: Verdict
) -> None:
    assert verdict(caller(user_agent=user_agent, replaces=says_so), learnt) is expected


def test_given_one_device_when_named_then_parameters_and_case_of_the_host_make_no_other() -> None:
    name = name_of("sip:101@phone.example.com:5062;transport=tcp;ob", "Desk/1")
    assert name == name_of("sips:101@Phone.Example.com:5062?X=1", "Desk/1")
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}", name)


@pytest.mark.parametrize(
    ("contact", "user_agent"),
    [
        ("sip:102@192.0.2.1:5060", "Desk/1"),
        ("sip:101@192.0.2.2:5060", "Desk/1"),
        ("sip:101@192.0.2.1:5062", "Desk/1"),
        ("sip:101@192.0.2.1", "Desk/1"),
        ("sip:101@192.0.2.1:5060", "Desk/2"),
        ("sip:101@192.0.2.1:5060", ""),
    ],
)
def test_given_another_device_when_named_then_the_name_is_another(contact: str, user_agent: str) -> None:
    assert name_of(contact, user_agent) != name_of("sip:101@192.0.2.1:5060", "Desk/1")


@pytest.mark.parametrize("contact", ["", "*", "tel:+15550100", "sip:"])
def test_given_no_place_when_named_then_there_is_no_name(contact: str) -> None:
    assert name_of(contact, "Desk/1") == ""


@given(TEXTS, TEXTS)
def test_given_any_texts_when_looked_up_and_named_then_nothing_is_raised_and_the_name_is_plain(
    contact: str, user_agent: str
) -> None:
    assert shipped(user_agent) in Verdict
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}|", name_of("sip:" + contact, user_agent))

"""REGISTER (RFC 3261 §10.3) and its digest (§22)."""

from __future__ import annotations

import pytest

from tests.support.phone import Phone
from tests.support.phone_calls import Outgoing
from tests.support.tenants import Tenant


def rings(caller: Phone, callee: Phone, dialled: str) -> bool:
    """Whether a call to a number reaches a phone; the call is given up again."""
    call = caller.dials(dialled)
    if call.expects(100, 480).status == 480:
        return False
    inbound = callee.rung()
    inbound.answers(180)
    call.expects(180)
    call.cancels()
    inbound.is_cancelled()
    call.expects(487)
    return True


def test_given_no_credentials_when_a_phone_registers_then_it_is_challenged_with_qop_and_its_domain(
    tenant: Tenant,
) -> None:
    phone = tenant.phone("101")
    phone.sends(phone.requests("REGISTER", f"sip:{tenant.domain}", to=phone.aor, via=(via := phone.via())))

    challenge = phone.answer_to(via)

    assert challenge.status == 401
    assert f'realm="{tenant.domain}"' in challenge["WWW-Authenticate"]
    assert 'qop="auth"' in challenge["WWW-Authenticate"]


def test_given_its_password_when_a_phone_registers_then_its_contact_is_bound_and_calls_reach_it(
    tenant: Tenant,
) -> None:
    phone = tenant.phone("101")

    answer = phone.registers()

    assert answer.status == 200
    assert phone.contact in answer["Contact"]
    assert rings(tenant.phone("104"), phone, "101")


def test_given_two_devices_of_one_extension_when_it_is_called_then_both_ring(tenant: Tenant) -> None:
    desk, mobile = tenant.phone("101", register=True), tenant.phone("101", register=True)
    call = tenant.phone("104").dials("101")

    for device in (desk, mobile):
        device.rung().answers(180)
        call.expects(180)


@pytest.mark.parametrize("number", ["101", "199"], ids=["wrong password", "unknown user"])
def test_given_bad_credentials_when_registered_then_it_is_challenged_again_and_nothing_tells_which_it_is(
    number: str, tenant: Tenant
) -> None:
    phone = tenant.phone(number)
    phone.password = "guessed"

    answer = phone.registers()

    names = [name for name, _ in answer.headers]
    assert (answer.status, answer.reason) == (401, "Unauthorized")
    assert names == ["Via", "From", "To", "Call-ID", "CSeq", "WWW-Authenticate", "Server", "Content-Length"]


def test_given_a_group_s_number_when_it_is_registered_then_it_is_refused_like_an_unknown_user(
    tenant: Tenant,
) -> None:
    assert tenant.phone("700").registers().status == 401


def test_given_a_user_of_another_tenant_with_his_password_when_he_registers_here_then_it_is_refused(
    tenant: Tenant,
) -> None:
    phone = tenant.phone("101")
    phone.domain = "elsewhere.example.org"
    assert phone.registers().status == 403


def test_given_good_credentials_when_another_s_address_is_registered_then_it_is_refused_and_not_bound(
    tenant: Tenant,
) -> None:
    thief = tenant.phone("104")

    answer = thief.registers(to=f"sip:101@{tenant.domain}")

    assert answer.status == 403
    assert tenant.phone("105").dials("101").ends_with().status == 480


def test_given_a_nonce_that_was_used_when_it_is_used_again_then_the_phone_is_told_that_it_is_stale(
    tenant: Tenant,
) -> None:
    phone, uri = tenant.phone("101"), f"sip:{tenant.domain}"
    phone.sends(phone.requests("REGISTER", uri, to=phone.aor, via=(via := phone.via())))
    proof = phone.proves(phone.answer_to(via), "REGISTER", uri)
    answers = []
    for cseq in (2, 3):
        via = phone.via()
        phone.sends(phone.requests("REGISTER", uri, to=phone.aor, via=via, cseq=cseq, headers=[proof]))
        answers.append(phone.answer_to(via))

    assert [answer.status for answer in answers] == [200, 401]
    assert "stale=true" in answers[1]["WWW-Authenticate"]


def test_given_a_binding_when_it_is_given_up_then_calls_no_longer_reach_it(tenant: Tenant) -> None:
    phone, caller = tenant.phone("101", register=True), tenant.phone("104")

    answer = phone.registers(expires=0)

    assert answer.status == 200
    assert "Contact" not in answer
    assert caller.dials("101").ends_with().status == 480


def test_given_two_bindings_when_all_are_given_up_by_a_star_then_none_is_left(tenant: Tenant) -> None:
    desk = tenant.phone("101", register=True)
    tenant.phone("101", register=True)

    answer = desk.registers(contact="*", expires=0)

    assert answer.status == 200
    assert tenant.phone("104").dials("101").ends_with().status == 480


def test_given_a_star_with_a_time_when_registered_then_it_is_refused_and_the_binding_stays(
    tenant: Tenant,
) -> None:
    phone = tenant.phone("101", register=True)

    answer = phone.registers(contact="*", expires=60)

    assert answer.status == 400
    assert rings(tenant.phone("104"), phone, "101")


def test_given_no_registration_when_an_extension_is_called_then_480_says_why(tenant: Tenant) -> None:
    answer = tenant.phone("104").dials("101").ends_with()

    assert answer.status == 480
    assert answer["Warning"] == '399 star87 "none of its phones is registered"'


def test_given_a_tcp_phone_when_called_then_it_is_reached_over_its_connection_both_ways(
    tenant: Tenant,
) -> None:
    callee = tenant.phone("101", transport="tcp", register=True)
    call: Outgoing = tenant.phone("104", transport="tcp").dials("101")

    inbound = callee.rung()
    inbound.answers(200)
    talk = call.dialog(call.expects(200))
    inbound.dialog()

    talk.ends(callee)

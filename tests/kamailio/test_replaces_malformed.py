"""What is no single, whole Replaces in an INVITE (RFC 3891 §3, §6.1): 400, and a text that says why."""

from __future__ import annotations

import pytest

from tests.support.replacing import of_ringing
from tests.support.talks import ring
from tests.support.tenants import Tenant

TWO = "a@b;to-tag=1;from-tag=2"
LONG = "x" * 257
MALFORMED = [
    [("Replaces", "a@b")],
    [("Replaces", "a@b;to-tag=1")],
    [("Replaces", "a@b;from-tag=1")],
    [("Replaces", "a@b;to-tag=1;to-tag=1;from-tag=2")],
    [("Replaces", "a@b;to-tag=1;from-tag=2;from-tag=3")],
    [("Replaces", "a@b;to-tag=1;from-tag=2;early-only;early-only")],
    [("Replaces", "a@b;to-tag=1;from-tag=2;early-only=no")],
    [("Replaces", "a@b;to-tag=;from-tag=2")],
    [("Replaces", ";to-tag=1;from-tag=2")],
    [("Replaces", "to-tag=1;from-tag=2;a@b")],
    [("Replaces", f"{LONG};to-tag=1;from-tag=2")],
    [("Replaces", f"a@b;to-tag={LONG};from-tag=2")],
    [("Replaces", "a@b;to-tag=1;from-tag=" + "x" * 20_000)],
    [("Replaces", "a@b;to-tag=1\x00;from-tag=2")],
    [("Replaces", "a\x01b;to-tag=1;from-tag=2")],
    [("Replaces", "zoë@b;to-tag=1;from-tag=2")],
    [("Replaces", "a\udcffb;to-tag=1;from-tag=2")],
    [("Replaces", f"{TWO},c@d;to-tag=1;from-tag=2")],
    [("Replaces", TWO), ("Replaces", "c@d;to-tag=1;from-tag=2")],
    [("Replaces", TWO), ("Replaces", TWO)],
    [("Replaces", TWO), ("Join", TWO)],
    [("Join", "x"), ("Replaces", "x")],
]


@pytest.mark.parametrize("headers", MALFORMED, ids=lambda headers: repr(headers)[:50])
def test_given_what_is_no_single_replaces_when_sent_then_400_says_why(
    headers: list[tuple[str, str]], tenant: Tenant
) -> None:
    tenant.phone("101", register=True)
    answer = tenant.phone("103").dials("101", headers=headers).ends_with()
    assert (answer.status, bool(answer["Warning"])) == (400, True)
    assert tenant.node.left_keys(tenant.domain) == []
    assert tenant.outcomes() == []


def test_given_a_join_when_sent_then_403_and_outside_of_an_invite_400(tenant: Tenant) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)
    _, value = of_ringing(call)
    assert carol.dials("101", headers=[("Join", value)]).ends_with().status == 403
    for name in ("Replaces", "Join"):
        for method in ("MESSAGE", "REFER", "SUBSCRIBE"):
            assert carol.asks(method, f"sip:101@{tenant.domain}", headers=[(name, value)]).status == 400
    alice.hears()
    assert [m.start for m in alice.inbox if m.status != 100] == []
    call.ends()

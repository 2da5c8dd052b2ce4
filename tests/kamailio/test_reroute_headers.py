"""A call that is sent to the device that dialled, on the wire: where it goes is the claim's word, not its caller's."""

from __future__ import annotations

import pytest

from kemi.sip.flow import Flow
from tests.support.talks import ring
from tests.support.tenants import Tenant
from tests.support.until import until


@pytest.mark.parametrize("name", ["P-Star87-Next-Hop", "p-star87-next-hop"])
def test_given_a_caller_who_writes_where_his_call_is_to_go_on_when_it_is_rerouted_then_only_the_picker_s_phone_gets_it(
    name: str, tenant: Tenant
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    mallory = tenant.phone("102")
    host, _, port = mallory.address.rpartition(":")
    astray = Flow("udp", host, int(port), f"udp:{tenant.node.address}")
    call = ring(alice, bob, headers=[(name, str(astray))], supported="")

    pickup = carol.dials("*87101")

    assert pickup.expects(480).start == "SIP/2.0 480 Call Is Being Sent To You"
    sent = carol.rung()
    assert sent.invite["Call-ID"] == call.outgoing.call_id
    assert sent.invite["P-Asserted-Identity"] == f'"Dave for Reception" <sip:104@{tenant.domain}>'
    assert "answer-after=0" in sent.invite["Call-Info"]
    sent.answers(200)
    accepted = call.outgoing.expects(200)
    assert accepted["P-Asserted-Identity"] == f'"Carol" <sip:103@{tenant.domain}>'
    assert call.inbound.is_cancelled()["Reason"].startswith("SIP;cause=200")
    until(lambda: tenant.outcomes() == [("picked_up", 480)], what="the pickup record")
    mallory.hears()
    assert mallory.inbox == []

"""`star87 apply` while calls ring: what is in force, on every worker, within a second and without a restart."""

from __future__ import annotations

import subprocess
from typing import Any

from tests.support.node import STAR87, Node
from tests.support.talks import ring, take_over
from tests.support.tenants import IN_FORCE_WITHIN_S, Tenant, account_of


def withdraw(document: dict[str, Any]) -> None:
    account_of(document, "101")["monitored_by"] = []


def grant(document: dict[str, Any]) -> None:
    account_of(document, "105")["monitored_by"] = ["103"]


def applied(node: Node, document: str) -> subprocess.CompletedProcess[str]:
    path = node.folder / "faulty.yaml"
    path.write_text(document)
    arguments = ["apply", str(path), "--run-dir", str(node.folder), "--node", node.name]
    return subprocess.run([str(STAR87), *arguments], capture_output=True, text=True, timeout=20)


def test_given_a_new_document_when_applied_then_every_worker_follows_within_a_second_and_none_restarts(
    tenant: Tenant,
) -> None:
    workers = (tenant.node.kamailio_pid, children_of(tenant.node.kamailio_pid))

    # `change` waits for a new extension, and raises when a worker is late.
    tenant.change(lambda document: document.update(settings={}), within_s=IN_FORCE_WITHIN_S)
    tenant.change(lambda document: account_of(document, "104").update(password="another"), within_s=IN_FORCE_WITHIN_S)
    phone = tenant.phone("104")

    assert phone.registers().status == 401
    phone.password = "another"
    assert phone.registers().status == 200
    assert (tenant.node.kamailio_pid, children_of(tenant.node.kamailio_pid)) == workers


def test_given_a_document_with_faults_when_applied_then_each_is_named_and_nothing_changes(
    tenant: Tenant,
) -> None:
    text = tenant.node.document.read_text()
    document = text.replace("number: '101'", "number: '102'", 1).replace("members:", "membres:", 1)

    outcome = applied(tenant.node, document)

    assert outcome.returncode != 0
    assert "membres" in outcome.stdout
    assert "domains[0].extensions" in outcome.stdout
    tenant.phone("101", register=True)
    assert tenant.phone("104").dials("102").ends_with().status == 480


def test_given_text_that_is_no_yaml_when_applied_then_it_is_refused_and_nothing_changes(
    tenant: Tenant,
) -> None:
    outcome = applied(tenant.node, "version: [1\n")

    assert outcome.returncode != 0
    assert "Traceback" not in outcome.stderr
    assert tenant.phone("101").registers().status == 200


def test_given_a_call_that_rings_when_the_permission_is_withdrawn_then_it_cannot_be_picked_up(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)

    tenant.change(withdraw)

    assert carol.dials("*87101").ends_with().status == 403
    # 103 still may pick up from 102 and 700, where nothing rings.
    assert carol.dials("*87").ends_with().status == 480
    call.ends()
    assert [m.start for m in alice.inbox if not m.status] == []


def test_given_a_call_that_rings_when_the_permission_is_granted_then_it_can_be_picked_up(
    tenant: Tenant,
) -> None:
    erin, alice, carol = tenant.phone("105", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, erin)
    assert carol.dials("*87105").ends_with().status == 403
    assert carol.dials("*87").ends_with().status == 480

    tenant.change(grant)

    assert take_over(call, carol, "*87")


def test_given_a_call_that_rings_when_the_permission_is_granted_then_a_directed_pickup_gets_it(
    tenant: Tenant,
) -> None:
    erin, alice = tenant.phone("105", register=True), tenant.phone("104")
    call = ring(alice, erin)

    tenant.change(grant)

    assert take_over(call, tenant.phone("103"), "*87105")


def test_given_a_pickup_under_way_when_the_permission_is_withdrawn_then_the_next_call_is_judged_anew(
    tenant: Tenant,
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("102", register=True)
    dave, erin = tenant.phone("104"), tenant.phone("105")
    ring(dave, alice)
    ring(erin, bob)
    pickup = tenant.phone("103").dials("*87")
    offer = dave.rung(replaces=True)
    offer.answers(180)
    pickup.expects(180)

    tenant.change(withdraw)
    offer.answers(603)

    assert pickup.ends_with().status == 480
    assert [m.start for m in erin.inbox if not m.status] == []


def test_given_another_pickup_code_when_applied_then_it_counts_and_the_old_one_is_a_number_like_any(
    tenant: Tenant,
) -> None:
    bob, alice, carol = tenant.phone("101", register=True), tenant.phone("104"), tenant.phone("103")
    call = ring(alice, bob)

    tenant.change(lambda document: document.update(settings={"pickup_code": "*8"}))

    assert take_over(call, carol, "*8101")


def test_given_completed_elsewhere_off_when_a_call_is_picked_up_then_the_cancel_gives_no_reason(
    tenant: Tenant,
) -> None:
    tenant.change(lambda document: document.update(settings={"completed_elsewhere": False}))
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob)
    pickup = tenant.phone("103").dials("*87101")
    alice.rung(replaces=True).answers(200)
    pickup.dialog(pickup.expects(200))

    call.outgoing.cancels()

    assert "Reason" not in call.inbound.is_cancelled()


def children_of(process: int) -> list[str]:
    """Process ids of Kamailio's workers."""
    with open(f"/proc/{process}/task/{process}/children") as children:
        return children.read().split()

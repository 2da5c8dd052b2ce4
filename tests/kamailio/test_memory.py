"""What calls take of Kamailio's shared memory they give back, and there is room for many at once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from kemi.settings import Settings
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.tenants import Tenants
from tests.support.until import until

CALLS = 200
LEFT_MOST_BYTES = 512 * 1024
"""A twentieth of what the calls take: workers allocate a little once, at their first call."""
TRANSACTIONS_END_WITHIN_S = 15.0


def shared_memory(node: Node) -> dict[str, int]:
    """Kamailio's account of it: total, free, used, … in bytes."""
    control = f"unix:{node.folder}/{node.name}/ctl.sock"
    told = subprocess.run(["kamcmd", "-s", control, "core.shmmem"], check=True, capture_output=True, text=True)
    return {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", told.stdout)}


def call(alice: Phone, bob: Phone) -> None:
    out = alice.dials("101")
    inbound = bob.rung()
    inbound.answers(180)
    inbound.answers(200)
    talk = out.dialog(out.expects(200))
    inbound.dialog()
    talk.ends(bob)


def test_given_many_calls_when_they_have_ended_then_their_memory_is_free_again(evidence: Path) -> None:
    tenants = Tenants(1)
    with Node(evidence, tenants.document()) as node:
        tenant = tenants.take(node)
        alice, bob = tenant.phone("104"), tenant.phone("101", register=True)
        for _ in range(20):
            call(alice, bob)
        memory = shared_memory(node)
        assert memory["total"] == Settings().shared_memory_mb * 1024 * 1024

        def settled() -> int:
            """Bytes in use once no transaction is left, 0 before."""
            text = subprocess.run(
                ["kamcmd", "-s", f"unix:{node.folder}/{node.name}/ctl.sock", "tm.stats"],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            return 0 if re.search(r"current: [1-9]", text) else shared_memory(node)["used"]

        before = until(settled, within_s=TRANSACTIONS_END_WITHIN_S, what="the first transactions to end")
        for _ in range(CALLS):
            call(alice, bob)
        assert shared_memory(node)["used"] > before, "calls take memory, or this test measures nothing"
        after = until(settled, within_s=TRANSACTIONS_END_WITHIN_S, what="all transactions to end")
        assert after - before < LEFT_MOST_BYTES
        tenant.close()

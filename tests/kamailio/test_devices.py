"""What is kept of a caller's device, as Kamailio reads it from a real INVITE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
import redis

from kemi.dialogs.record import Caller
from kemi.pickup.devices import Verdict, name_of, verdict
from kemi.store import keys
from kemi.store.answers import call_record
from tests.support.talks import Ringing, ring
from tests.support.tenants import Tenant
from tests.support.until import until


@pytest.fixture
def raw(tenant: Tenant) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(tenant.node.redis_url) as client:
        yield client


def kept_of(call: Ringing, raw: redis.Redis, tenant: Tenant) -> tuple[Caller, str]:
    """The caller, and the name of his device."""

    def found() -> tuple[Caller, str] | None:
        for name in cast(list[str], raw.keys(keys.tenant(tenant.domain) + keys.SUFFIXES["call"] + "*")):
            fields = cast(dict[bytes, bytes], raw.hgetall(name))
            if b"k" not in fields:
                continue
            caller = call_record(tenant.domain, name, [word for field in fields.items() for word in field]).caller
            if caller.dialog.call_id == call_id:
                return caller, fields[b"u"].decode()
        return None

    call_id = call.outgoing.call_id
    kept = until(found, what="the call in the store")
    assert kept
    return kept


@pytest.mark.parametrize(
    ("user_agent", "kept", "known"),
    [
        ("Twinkle/1.10.3", "Twinkle/1.10.3", Verdict.BAD),
        ("PJSUA v2.15 Linux", "PJSUA v2.15 Linux", Verdict.GOOD),
        ("Desk/1 " + "x" * 200, "Desk/1 " + "x" * 113, Verdict.UNKNOWN),
        ("caf\udce9/1", "", Verdict.UNKNOWN),
        ("", "", Verdict.UNKNOWN),
    ],
)
def test_given_a_user_agent_when_its_call_rings_then_it_is_kept_bounded_and_the_call_is_as_any_other(
    user_agent: str, kept: str, known: Verdict, tenant: Tenant, raw: redis.Redis
) -> None:
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    call = ring(alice, bob, headers=[("User-Agent", user_agent)] if user_agent else [])

    caller, device = kept_of(call, raw, tenant)

    assert (caller.user_agent, verdict(caller, Verdict.UNKNOWN)) == (kept, known)
    assert device == name_of(alice.contact, kept)
    call.ends()


def test_given_a_device_when_it_calls_again_then_it_has_the_same_name_and_another_device_another(
    tenant: Tenant, raw: redis.Redis
) -> None:
    bob = tenant.phone("101", register=True)
    names = []
    alice, other = tenant.phone("104"), tenant.phone("104")
    for phone in (alice, alice, other):
        call = ring(phone, bob, headers=[("User-Agent", "Desk/1")])
        names.append(kept_of(call, raw, tenant)[1])
        call.ends()
    assert names[0] == names[1] != names[2]

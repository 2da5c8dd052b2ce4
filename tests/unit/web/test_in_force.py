"""The document in force, as the console follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kemi.accounts import wire
from kemi.accounts.model import Domain, DomainSettings, Provisioning
from kemi.errors import NotProvisioned
from kemi.web.in_force import InForce
from tests.support.directories import extension
from tests.support.fake_sip import DOMAIN


class FakeStore:
    """What is published is the newest version."""

    def __init__(self) -> None:
        self.version = 0
        self._document = ""
        self.provisioning = SimpleNamespace(
            stamp=lambda: str(self.version) if self.version else "", fetch=lambda: (self.version, self._document)
        )

    def publish(self, *numbers: str) -> None:
        self.version += 1
        accounts = tuple(extension(number) for number in numbers)
        self._document = wire.encode(Provisioning((Domain(DOMAIN, DomainSettings(), accounts),), ()))

    async def __call__(self, question: Callable[[Any], Any]) -> Any:
        return question(self)


def test_given_a_newer_document_when_it_is_followed_then_who_asked_before_goes_on_with_what_he_had(
    tmp_path: Path,
) -> None:
    store = FakeStore()
    in_force = InForce(store, tmp_path)  # type: ignore[arg-type]
    asyncio.run(in_force.refresh())
    with pytest.raises(NotProvisioned):
        _ = in_force.directory
    store.publish("101", "102")
    asyncio.run(in_force.refresh())
    before = in_force.directory
    for _ in range(2):
        store.publish("101")
        asyncio.run(in_force.refresh())
    assert (before.version, before.account(DOMAIN, "102") is not None) == (1, True)
    now = in_force.directory
    assert (now.version, now.account(DOMAIN, "102")) == (3, None)
    assert len(list(tmp_path.iterdir())) == 1

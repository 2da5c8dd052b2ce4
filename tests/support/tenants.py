"""Many equal tenants on one node, so that each test has calls, phones and a pickup record of its own."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from tests.support.elsewhere import address
from tests.support.node import Node
from tests.support.phone import PASSWORD, Phone
from tests.support.phone_calls import WITHIN_S
from tests.support.ports import LOOPBACK

IN_FORCE_WITHIN_S = 3.0
"""A second is promised (README); the machine may be busy with other tests."""
"""As the product promises; one test holds it to that, the others are about something else."""
ASKED = 16
"""Requests that show what every worker does: four share the socket."""
_NAMES = {"101": "Reception", "102": "Alice", "103": "Carol", "104": "Dave", "105": "Erin"}
_MONITORED_BY: dict[str, list[str]] = {"101": ["10*"], "102": ["103"]}
_SEEN_BY = {"101": ["105"]}


def tenant_document(domain: str) -> dict[str, Any]:
    """101 admits 10* but not 105, 102 admits 103, hunt group 700 "Sales" (101, 102) admits 103; the others nobody."""
    return {
        "name": domain,
        "extensions": [
            {
                "number": number,
                "name": name,
                "password": PASSWORD,
                "monitored_by": list(_MONITORED_BY.get(number, [])),
                "monitored_without_pickup": list(_SEEN_BY.get(number, [])),
            }
            for number, name in _NAMES.items()
        ],
        "hunt_groups": [
            {"number": "700", "name": "Sales", "members": ["101", "102"], "monitored_by": ["103"]},
        ],
    }


def account_of(tenant: dict[str, Any], number: str) -> dict[str, Any]:
    """One account's part of a tenant's document, to be changed in place."""
    accounts: list[dict[str, Any]] = [*tenant["extensions"], *tenant["hunt_groups"]]
    return next(account for account in accounts if account["number"] == number)


def document_of(tenants: Sequence[dict[str, Any]]) -> str:
    return str(yaml.safe_dump({"version": 1, "domains": list(tenants)}))


class Tenants:
    """The document of a node, and which of its tenants is free."""

    def __init__(self, count: int, change: Callable[[dict[str, Any]], None] | None = None) -> None:
        """change: what all of these tenants have different."""
        self._documents = {f"t{n}.example.com": tenant_document(f"t{n}.example.com") for n in range(count)}
        if change:
            for document in self._documents.values():
                change(document)
        self._free = list(self._documents)

    def document(self) -> str:
        return document_of(list(self._documents.values()))

    def take(self, node: Node) -> Tenant:
        """A tenant that no other test has used."""
        return Tenant(node, self._free.pop(0), self)

    def change(self, domain: str, change: Callable[[dict[str, Any]], None]) -> str:
        """Change one tenant; returns the new document."""
        document = copy.deepcopy(self._documents[domain])
        change(document)
        self._documents[domain] = document
        return self.document()


class Tenant:
    """One test's part of a node."""

    def __init__(self, node: Node, domain: str, tenants: Tenants) -> None:
        self.node, self.domain, self._tenants = node, domain, tenants
        self._phones: list[Phone] = []
        self._changes = 0

    def phone(
        self,
        number: str,
        *,
        transport: str = "udp",
        register: bool = False,
        node: Node | None = None,
        host: str = LOOPBACK,
        password: str = PASSWORD,
    ) -> Phone:
        """An extension's phone, closed when the test ends; it registers if it is to be called. host: its address."""
        place = node or self.node
        phone = Phone(
            place.reached_by(transport),
            number,
            domain=self.domain,
            transport=transport,
            name=_NAMES.get(number, ""),
            host=host,
            password=password,
        )
        self._phones.append(phone)
        if register:
            answer = phone.registers()
            assert answer.status == 200, answer.start
        return phone

    def change(self, change: Callable[[dict[str, Any]], None], *, within_s: float = WITHIN_S) -> None:
        """Change this tenant's document in place, by `star87 apply`; returns once it is in force on every worker.

        Raises AssertionError when that takes longer than within_s seconds. A new extension shows it: 404, and then 480.
        """
        self._changes += 1
        number = f"9{self._changes}"

        def change_and_mark(document: dict[str, Any]) -> None:
            change(document)
            document["extensions"].append({"number": number, "name": "Mark", "password": PASSWORD})

        self.node.apply(self._tenants.change(self.domain, change_and_mark))
        self.await_everywhere(lambda phone: phone.dials(number).ends_with().status == 480, within_s=within_s)

    def await_everywhere(
        self,
        holds: Callable[[Phone], bool],
        *,
        number: str = "105",
        within_s: float = WITHIN_S,
        asked: int = ASKED,
    ) -> None:
        """Return when every worker shows it to an extension's phone: so many in a row that none was left out.

        It asks as fast as it can, from an address of its own: the test's phones must not be taken for a flood.
        """
        deadline = time.monotonic() + within_s
        in_a_row, host = 0, address()
        while in_a_row < asked:
            with Phone(self.node.address, number, domain=self.domain, host=host) as phone:
                in_a_row = in_a_row + 1 if holds(phone) else 0
                # A call is four messages and the workers take turns: one message more, or it is always the same worker.
                phone.asks("OPTIONS")
            assert in_a_row or time.monotonic() < deadline, f"not in force on every worker within {within_s:g} s"

    def outcomes(self) -> list[tuple[str, int]]:
        """Outcome and status of each entry in this tenant's pickup record."""
        return [(event.outcome, event.status) for event in self.node.events(self.domain)]

    def close(self) -> None:
        for phone in self._phones:
            phone.close()

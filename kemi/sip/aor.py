"""Who: an account's address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aor:
    """Address of record: `number` of an account in a tenant's `domain` (lower case)."""

    number: str
    domain: str

    def __str__(self) -> str:
        return f"{self.number}@{self.domain}"

    @property
    def uri(self) -> str:
        return f"sip:{self.number}@{self.domain}"

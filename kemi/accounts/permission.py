"""Permission to monitor an account: who may see it, and who may also pick up its calls."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache


def matches(pattern: str, number: str) -> bool:
    """Whether an entry (extension number, prefix pattern `10*`, or `*`) covers an extension number."""
    if pattern.endswith("*"):
        return number.startswith(pattern[:-1])
    return pattern == number


@dataclass(frozen=True, slots=True)
class Permission:
    """The two lists of a watched account; empty lists admit nobody.

    Accounts with the same lists have equal Permissions with the same id: ringing calls are indexed by
    that id, so a picker's search reads one sorted set for each distinct permission, not for each account.
    """

    monitored_by: frozenset[str] = frozenset()
    monitored_without_pickup: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """Eight characters that depend on nothing but the two lists, on every node and in every version."""
        return _id_of(self.monitored_by, self.monitored_without_pickup)

    def may_pick_up(self, number: str) -> bool:
        """Whether the extension may pick up; seeing only (`monitored_without_pickup`) wins."""
        return any(matches(p, number) for p in self.monitored_by) and not any(
            matches(p, number) for p in self.monitored_without_pickup
        )

    def may_see(self, number: str) -> bool:
        """Whether the extension may see the account's calls."""
        return any(matches(p, number) for p in self.monitored_by | self.monitored_without_pickup)


@lru_cache(maxsize=4096)
def _id_of(monitored_by: frozenset[str], monitored_without_pickup: frozenset[str]) -> str:
    text = "\n".join([*sorted(monitored_by), "-", *sorted(monitored_without_pickup)])
    return base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=6).digest()).decode()

"""The pickup record: a bounded stream for each tenant."""

from __future__ import annotations

from dataclasses import fields, replace

from kemi.pickup.event import PickupEvent
from kemi.settings import Settings
from kemi.store import keys
from kemi.store.answers import texts
from kemi.store.commands import Commands

_NUMBERS = frozenset(f.name for f in fields(PickupEvent) if isinstance(f.default, int)) | {"status"}
_LISTS = frozenset(f.name for f in fields(PickupEvent) if isinstance(f.default, tuple))
REFUSALS_A_MINUTE = 60
"""Of one picker; a person does not dial faster."""
_SET_BY_STORE = frozenset({"domain", "id", "at_ms"})
_WRITTEN = tuple(f.name for f in fields(PickupEvent) if f.name not in _SET_BY_STORE)


class Events:
    def __init__(self, connection: Commands, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings

    def write(self, event: PickupEvent) -> None:
        """Write one attempt down; posted, a store that is away is no error."""
        words: list[str | int] = []
        for name in _WRITTEN:
            if value := getattr(event, name):
                words += (name, " ".join(value) if name in _LISTS else value)
        # What was picked up, and what agents do, is written always; so nobody drives that out by dialling on and on.
        most = REFUSALS_A_MINUTE if event.status >= 300 else 0
        self._redis.post("event", keys.tenant(event.domain), self._settings.events_max, most, event.picker, *words)

    def read(self, domain: str, *, after: str = "-", count: int = 1000) -> list[PickupEvent]:
        """Entries in order of time; raises StoreUnavailable.

        after: id of the last one that is known, `-` for the oldest kept.
        """
        start = after if after == "-" else f"({after}"
        answer = self._redis.call("XRANGE", keys.events(domain), start, "+", "COUNT", count)
        return [self._event(domain, identity, words) for identity, words in answer]

    def latest(self, domain: str, *, count: int = 100) -> list[PickupEvent]:
        """The newest entries, oldest of them first; raises StoreUnavailable."""
        answer = self._redis.call("XREVRANGE", keys.events(domain), "+", "-", "COUNT", count)
        return [self._event(domain, identity, words) for identity, words in reversed(answer)]

    @staticmethod
    def _event(domain: str, identity: bytes, words: list[bytes]) -> PickupEvent:
        said = texts(words)
        values = dict(zip(said[::2], said[1::2], strict=True))
        known = {f.name for f in fields(PickupEvent)}
        entry = PickupEvent(domain, values.get("picker", ""), values.get("dialled", ""), values.get("outcome", ""), 0)
        name = identity.decode()
        numbers = {k: int(v) for k, v in values.items() if k in _NUMBERS}
        lists = {k: tuple(v.split()) for k, v in values.items() if k in _LISTS}
        words_kept = {k: v for k, v in values.items() if k in known - _NUMBERS - _LISTS}
        return replace(entry, **{**words_kept, **numbers, **lists, "id": name, "at_ms": int(name.partition("-")[0])})  # type: ignore[arg-type]

"""The version of the keyspace, and the way from an older one to this release's.

A release works on the keyspaces OLDEST to VERSION, and writes what the one in force says. So nodes are upgraded first,
one after another, each beside nodes of the release before; when all run the new release, `star87 migrate` goes on to
its keyspace, and from then on nodes of the release before are refused.

Functions need no care: those of each release bear a name of their own (functions.LIBRARY).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kemi.errors import KeyspaceRefused
from kemi.store import functions, keys
from kemi.store.commands import Commands

VERSION = 1
"""The keyspace that kemi/store/keys.py describes."""
OLDEST = 0
"""The oldest one that nodes of this release work on beside nodes of the release before."""
UNNAMED = "star87"
"""The library of releases from before there were versions."""


@dataclass(frozen=True, slots=True)
class Step:
    """From keyspace `to - 1` to `to`. It may be broken off and begun anew: doing it twice is doing it once."""

    to: int
    what: str
    carry_out: Callable[[Commands], None]


def _nothing(_redis: Commands) -> None:
    return None


STEPS = (Step(1, "write down the version; no other key changes", _nothing),)


class Keyspace:
    """Every operation is awaited and raises StoreUnavailable."""

    def __init__(
        self, connection: Commands, *, steps: Sequence[Step] = STEPS, newest: int = VERSION, oldest: int = OLDEST
    ) -> None:
        self._redis = connection
        self._steps = {step.to: step for step in steps}
        self._newest, self._oldest = newest, oldest

    def version(self) -> int | None:
        """The keyspace in force; 0: from before there were versions. None: the store is empty."""
        written = self._redis.call("GET", keys.VERSION)
        if written is not None:
            return int(written)
        return 0 if self._redis.call("HEXISTS", keys.PROVISION, "version") else None

    def begin(self) -> int:
        """The keyspace in force; an empty store gets this release's. Raises as `check` does."""
        if self.version() is None:
            # Of two first nodes the faster one says it.
            self._redis.call("SET", keys.VERSION, self._newest, "NX")
        return self.check()

    def check(self) -> int:
        """The keyspace in force. Raises KeyspaceRefused when this release cannot work on it."""
        version = self.version()
        if version is None:
            return self._newest
        if version > self._newest:
            raise KeyspaceRefused(
                f"the state store has keyspace {version}, this release knows none after {self._newest}: "
                "run a newer release of star87"
            )
        if version < self._oldest:
            raise KeyspaceRefused(
                f"the state store has keyspace {version}, this release works on none before {self._oldest}: "
                "stop the nodes of older releases, then run `star87 migrate`"
            )
        return version

    def pending(self) -> tuple[Step, ...]:
        """What leads from the keyspace in force to this release's. Raises KeyspaceRefused for a newer one."""
        version = self.version()
        if version is None:
            return ()
        if version > self._newest:
            self.check()
        return tuple(self._steps[to] for to in range(version + 1, self._newest + 1))

    def migrate(self, step: Step) -> int:
        """Carry out the next step and write down that it is done; returns the keyspace that is then in force."""
        step.carry_out(self._redis)
        return int(self._redis.fcall("migrated", keys.VERSION, step.to - 1, step.to))

    def drop_other_functions(self) -> tuple[str, ...]:
        """Remove the functions of other releases, which nobody calls any more; returns their libraries' names."""
        found = self._redis.call("FUNCTION", "LIST", "LIBRARYNAME", f"{UNNAMED}*")
        names = [dict(zip(words[::2], words[1::2], strict=True))[b"library_name"].decode() for words in found]
        ours = (name for name in names if name == UNNAMED or name.startswith(functions.PREFIX))
        others = tuple(sorted(name for name in ours if name != functions.LIBRARY))
        for name in others:
            self._redis.call("FUNCTION", "DELETE", name)
        return others

"""What `/healthz` and `/readyz` look at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kemi.cli.health import Check, Health
from kemi.cli.listen import Listen, answer_to_options
from kemi.cli.supervisor import Child
from kemi.errors import NodeDrains, StoreUnavailable
from kemi.settings import Settings
from kemi.sip.options import reason_of, status_of
from kemi.store import open_store

SIP_WITHIN_S = 1.0
STORE_WITHIN_MS = 500
SNAPSHOTS = "directory-*.sqlite"


class Looks:
    """A node as seen from beside it; the looks may run in any thread, one at a time each.

    children: the processes that the node has at this moment. asked_to_stop: whether it is about to end.
    """

    def __init__(
        self,
        settings: Settings,
        listens: Sequence[Listen],
        children: Callable[[], Sequence[Child]],
        asked_to_stop: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._listen = listens[0]
        self._children = children
        self._asked_to_stop = asked_to_stop
        # A look at a store that hangs must not be what makes the next one wait.
        self._store = open_store(replace(settings, redis_timeout_ms=STORE_WITHIN_MS, redis_retry_ms=0))
        self._one_at_a_time = threading.Lock()

    def health(self) -> Health:
        """Whether the processes live: if not, a restart mends it."""
        return Health.of([self._processes()], "healthy")

    def readiness(self) -> Health:
        """Whether new calls may be sent here.

        A node without its state store routes calls all the same. All nodes share the store: if they were not ready
        without it, a balancer would take every one of them away, and with them the calls. So it is `degraded`.
        """
        checks = [self._processes(), *self._sip(), self._provisioning(), self._state_store()]
        return Health.of(checks, "ready")

    def _processes(self) -> Check:
        children = self._children()
        ended = [child.name for child in children if child.ended() is not None]
        if not any(child.name == "kamailio" for child in children):
            ended.append("kamailio")
        return Check("processes", not ended, f"{', '.join(ended)} does not run" if ended else "all run")

    def _sip(self) -> list[Check]:
        answer = b"" if self._asked_to_stop() else answer_to_options(self._listen, SIP_WITHIN_S)
        status = status_of(answer) if answer else None
        drains = self._asked_to_stop() or (status == NodeDrains.status and reason_of(answer) == NodeDrains.reason)
        draining = Check("draining", not drains, "new calls are refused" if drains else "new calls are taken")
        if drains:
            return [draining]
        said = f"{self._listen} answered {status} to OPTIONS" if status else f"{self._listen} did not answer OPTIONS"
        return [draining, Check("sip", status == 200, said)]

    def _provisioning(self) -> Check:
        has_one = any(Path(self._settings.node_dir).glob(SNAPSHOTS))
        return Check("provisioning", has_one, "in force" if has_one else "no document is in force: star87 apply")

    def _state_store(self) -> Check:
        with self._one_at_a_time:
            try:
                self._store.ping()
            except StoreUnavailable as error:
                return Check("store", False, f"no pickups and no queues: {error}", needed=False)
        return Check("store", True, "answers", needed=False)

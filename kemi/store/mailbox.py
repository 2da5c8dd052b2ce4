"""What consoles ask of nodes: a mailbox for each node, and a short-lived answer for each request."""

from __future__ import annotations

from kemi.pickup.console import Asked, Told
from kemi.settings import Settings
from kemi.store import keys
from kemi.store.answers import text
from kemi.store.commands import Commands

WAITS_MS = 2_000
"""How long a request waits for its node, and an answer for who asked: nobody waits longer."""
WAIT_MOST = 200


class Mailbox:
    """All operations are awaited and raise StoreUnavailable."""

    def __init__(self, connection: Commands, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings

    def ask(self, node: str, asked: Asked) -> bool:
        """Ask a node (CallRecord.node) for something; False when too much waits for it already."""
        return bool(self._redis.fcall("ask", keys.asked(node), asked.pack(), WAITS_MS, WAIT_MOST))

    def told(self, request: str) -> Told | None:
        """What a node answered to a request; None: nothing yet."""
        answer = self._redis.call("GET", keys.told(request))
        return Told.unpack(text(answer)) if answer is not None else None

    def fetch(self) -> list[str]:
        """What is asked of this node (Asked.pack), each once."""
        return [text(words) for words in self._redis.fcall("fetch", keys.asked(self._settings.instance))]

    def tell(self, request: str, told: Told) -> None:
        self._redis.call("SET", keys.told(request), told.pack(), "PX", WAITS_MS)

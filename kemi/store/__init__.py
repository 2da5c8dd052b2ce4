"""The call state in Redis. `open_store` gives the operations of one process; no other package imports redis."""

from __future__ import annotations

from kemi.metrics.meter import Meter
from kemi.settings import Settings
from kemi.store.backup import Backups
from kemi.store.breaker import Report, unreported
from kemi.store.calls import Calls
from kemi.store.commands import Commands, commands_to
from kemi.store.deferred import Deferred
from kemi.store.dialogs import Dialogs
from kemi.store.events import Events
from kemi.store.keyspace import Keyspace
from kemi.store.lamps import Lamps
from kemi.store.mailbox import Mailbox
from kemi.store.metered import Metered
from kemi.store.nodes import Nodes
from kemi.store.outbox import Outbox
from kemi.store.places import Reentries
from kemi.store.provisioning import ProvisioningStore
from kemi.store.queues import Queues
from kemi.store.server import Server

PART_FOR_OTHERS = 0.8
"""How much of an operation's time-out is waited, at most, for what other workers are having done."""


class Store:
    """The operations of one process on the state store, over connections that open at their first use."""

    def __init__(
        self,
        settings: Settings,
        report: Report = unreported,
        outbox: Outbox | None = None,
        meter: Meter | None = None,
    ) -> None:
        commands = commands_to(
            settings.redis_url,
            timeout_ms=settings.redis_timeout_ms,
            retry_ms=settings.redis_retry_ms,
            report=report,
        )
        if meter is not None:
            commands = Metered(commands, meter)
        self._deferred = None if outbox is None else Deferred(commands, outbox)
        self._connection: Commands = self._deferred or commands
        self.calls = Calls(self._connection, settings)
        self.dialogs = Dialogs(self._connection)
        self.lamps = Lamps(self._connection)
        self.queues = Queues(self._connection, settings)
        self.reentries = Reentries(self._connection, self.queues.standings, settings)
        self.events = Events(self._connection, settings)
        self.nodes = Nodes(self._connection, settings)
        self.mailbox = Mailbox(self._connection, settings)
        self.provisioning = ProvisioningStore(self._connection)
        self.backups = Backups(self._connection, self.queues)
        self.keyspace = Keyspace(self._connection)
        self.server = Server(self._connection)

    def load_functions(self) -> None:
        """Put the function library in place; raises StoreUnavailable."""
        self._connection.load_functions()

    def ping(self) -> None:
        """Raises StoreUnavailable when the store does not answer."""
        self._connection.call("PING")

    def deliver(self, wait_s: float) -> None:
        """Send what the node's workers have posted, or post within wait_s seconds."""
        if self._deferred is not None:
            self._deferred.deliver(wait_s)

    def settle(self) -> None:
        """Wait until everything that was posted is done; raises StoreUnavailable."""
        self._connection.settle()

    def doubt(self) -> None:
        """Something that this node has recorded may be lost."""
        self._connection.doubt()

    def close(self) -> None:
        self._connection.close()


def open_store(settings: Settings, report: Report = unreported) -> Store:
    """The store that the settings name. Connects at the first operation, so it may be called before a fork.

    Raises BadUrl, a ValueError that names the fault and the remedy.
    """
    return Store(settings, report)


def open_node_store(settings: Settings, report: Report, meter: Meter) -> Store:
    """The same for a node: made before the fork, its processes share what they have posted, and one must `deliver`."""
    # What is asked afterwards has a time-out of its own.
    return Store(settings, report, Outbox(PART_FOR_OTHERS * settings.redis_timeout_ms / 1000), meter)

"""What is done to a node whose store is well: ill peers, damaged messages, new certificates, new documents.

Each goes on in a thread of its own, for as long as its context is open.
"""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from random import Random

import yaml

from kemi.accounts.document import parse
from kemi.accounts.wire import encode
from kemi.settings import Settings
from kemi.store import open_store
from tests.load.chaos.beside import ENVIRONMENT, Cast
from tests.load.fuzz import recording
from tests.load.fuzz.__main__ import ENVIRONMENT as OF_FUZZ
from tests.load.fuzz.throwing import Thrower
from tests.support.carrier import Gateway
from tests.support.certificate import make_certificate
from tests.support.node import Node
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.recorded import STORE_TIMEOUT_MS
from tests.support.renewal import reload, renew, shown
from tests.support.slow_peers import beginnings, connects, options

IDLE_AT_ONCE, BYTE_EVERY_S = 300, 0.002
FUZZ_AT_ONCE, FUZZ_PER_S, FUZZ_SEED = 64, 500, 4475
RENEWED_EVERY_S, DOCUMENT_EVERY_S = 0.2, 0.2
DONE_LEAST = 2

Once = Callable[[threading.Event], None]
"""Does it once, given what says that it is over."""


class Trouble:
    """environment, listen: of the node. transport: of the pickers' phones. domains: of tenants whose keys must go,
    beside the cast's. done: how often what was done."""

    transport = "udp"
    domains: Sequence[str] = ()

    def __init__(self, folder: Path, cast: Cast) -> None:
        """folder: the node's."""
        self.folder, self.cast = folder, cast
        self.environment = dict(ENVIRONMENT)
        self.listen: list[str] = []
        self.done: Counter[str] = Counter()
        self._failures: list[str] = []
        self._processes: frozenset[int] = frozenset()

    @contextmanager
    def at(self, node: Node) -> Iterator[None]:
        over = threading.Event()
        self._processes = frozenset(node.processes())
        with self._ready(node) as once:
            thread = threading.Thread(target=self._go_on, args=(once, over))
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()

    def faults_of(self, node: Node) -> list[str]:
        """What did not come about, and what harm came to the node itself."""
        found = [*self._failures, *(f"{name}: only {n}" for name, n in self.done.items() if n < DONE_LEAST)]
        if not self.done:
            found.append("nothing was done")
        if frozenset(node.processes()) != self._processes:
            found.append("not all processes of the node are the same")
        if "Traceback" in node.log():
            found.append("a traceback in the node's log")
        return found

    def _ready(self, node: Node) -> AbstractContextManager[Once]:
        raise NotImplementedError

    def _go_on(self, once: Once, over: threading.Event) -> None:
        try:
            while not over.is_set():
                once(over)
        except Exception as failure:
            self._failures.append(repr(failure))

    def _with_tls(self) -> None:
        certificate, key = make_certificate(self.folder)
        self.environment |= {"STAR87_TLS_CERTIFICATE": str(certificate), "STAR87_TLS_PRIVATE_KEY": str(key)}
        self.listen = [f"{transport}:{LOOPBACK}:{free_port()}" for transport in ("tls", "ws")]


class SlowPeers(Trouble):
    """Hundreds of connections that begin to say something and say nothing more, others that break off, and one that
    says it byte by byte. The pickers' phones share their TCP worker."""

    transport = "tcp"

    def __init__(self, folder: Path, cast: Cast) -> None:
        super().__init__(folder, cast)
        self._with_tls()
        self.environment |= {"STAR87_TCP_WORKERS": "1"}

    @contextmanager
    def _ready(self, node: Node) -> Iterator[Once]:
        with ExitStack() as idle:
            said = beginnings(node)
            for number in range(IDLE_AT_ONCE):
                transport, begins = said[number % len(said)]
                connection = idle.enter_context(connects(node, transport))
                connection.sendall(begins)
                self.done["half open"] += 1
            with connects(node) as drips:

                def once(over: threading.Event) -> None:
                    with connects(node) as breaks_off:
                        breaks_off.sendall(options(node)[:60])
                    message = options(node)
                    for place in range(len(message)):
                        drips.sendall(message[place : place + 1])
                        if over.wait(BYTE_EVERY_S):
                            return
                    assert drips.recv(65535).startswith(b"SIP/2.0 200 ")
                    self.done["byte by byte"] += 1

                yield once


class Fuzz(Trouble):
    """Damaged messages (`make fuzz`), from another address, at another tenant."""

    domains = (recording.DOMAIN,)

    def __init__(self, folder: Path, cast: Cast) -> None:
        super().__init__(folder, cast)
        # How long calls ring and are remembered is as with `make fuzz`: what it begins must be gone soon.
        self.environment |= OF_FUZZ
        self._websocket = f"{LOOPBACK}:{free_port()}"
        self.listen = [f"ws:{self._websocket}"]
        self._gateway = Gateway(recording.HOST)
        cast.document["domains"].append(recording.tenant())
        cast.document["trunks"].append(recording.trunk(self._gateway))

    @contextmanager
    def _ready(self, node: Node) -> Iterator[Once]:
        self._gateway.joins(node)
        numbers = (recording.CALLER, recording.CALLED, recording.PICKER, recording.AGENT)
        phones = [Phone(node.address, number, domain=recording.DOMAIN, host=recording.HOST) for number in numbers]
        corpus = recording.record(node, phones, self._gateway)
        rng = Random(FUZZ_SEED)
        thrower = Thrower(rng, corpus, node.address, self._websocket, phones, self._gateway, FUZZ_PER_S)

        def once(over: threading.Event) -> None:
            del over
            thrower.throws(FUZZ_AT_ONCE)
            self.done["damaged"] = thrower.sent

        try:
            yield once
        finally:
            thrower.close()
            for phone in (*phones, self._gateway):
                phone.close()


class NewCertificates(Trouble):
    """`star87 reload-certificates` again and again; the pickers' phones speak TLS."""

    transport = "tls"

    def __init__(self, folder: Path, cast: Cast) -> None:
        super().__init__(folder, cast)
        self._with_tls()

    @contextmanager
    def _ready(self, node: Node) -> Iterator[Once]:
        def once(over: threading.Event) -> None:
            new = renew(node)
            assert reload(node).returncode == 0
            assert shown(node, "tls") == new
            self.done["reloads"] += 1
            over.wait(RENEWED_EVERY_S)

        yield once


class NewDocuments(Trouble):
    """Documents come into force five times a second: accounts come and go, and who may pick up from Bob changes."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        super().__init__(folder, cast)
        self.environment |= {"STAR87_PROVISION_POLL_MS": "50"}

    @contextmanager
    def _ready(self, node: Node) -> Iterator[Once]:
        # What publishes must cost little: it shares the machine with the node.
        documents = [encode(parse(self._changed(turn))) for turn in range(10)]
        store = open_store(Settings(redis_url=node.redis_url, redis_timeout_ms=STORE_TIMEOUT_MS))
        before = node.log().count(" is in force")

        def once(over: threading.Event) -> None:
            store.provisioning.publish(documents[self.done["published"] % len(documents)])
            self.done["published"] += 1
            over.wait(DOCUMENT_EVERY_S)

        try:
            yield once
        finally:
            store.close()
            self.done["followed"] = node.log().count(" is in force") - before

    def _changed(self, turn: int) -> str:
        document = copy.deepcopy(self.cast.document)
        tenant = document["domains"][-1]
        extra = [{"number": f"9{n:02}", "name": "Passing", "password": "change-me"} for n in range(turn % 10)]
        tenant["extensions"][0]["monitored_by"] += [account["number"] for account in extra]
        tenant["extensions"] += extra
        return str(yaml.safe_dump(document))


TROUBLES: dict[str, Callable[[Path, Cast], Trouble]] = {
    "slow-peers": SlowPeers,
    "fuzz": Fuzz,
    "certificates-reloaded": NewCertificates,
    "documents-applied": NewDocuments,
}

"""A node while it runs: its processes, the order in which they start and stop, and what each of them needs first."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kemi.accounts.directory import Directory
from kemi.accounts.wire import encode
from kemi.cli import processes, tls
from kemi.cli.control import ControlFailed
from kemi.cli.drain import end_what_rings, set_drain, unfinished
from kemi.cli.health import HealthServer, Look
from kemi.cli.listen import Listen, ask_options, health_address, held_port
from kemi.cli.log_lines import Sayings
from kemi.cli.looks import SNAPSHOTS, Looks
from kemi.cli.metrics import Metrics
from kemi.cli.node import NODE_FILE, NodeFile
from kemi.cli.notify import READY, STOPPING, tell_systemd
from kemi.cli.outcome import CommandFailed
from kemi.cli.provisioned import provisioning_of
from kemi.cli.reach import PATIENCE_MS, open_named_store
from kemi.cli.redact import without_password
from kemi.cli.supervisor import Child, StopSignal
from kemi.errors import Star87Error, StoreUnavailable
from kemi.routing.draining import Drain
from kemi.settings import Settings
from kemi.store import Store
from kemi.store.keyspace import VERSION

READY_WITHIN_S = 30.0
ANSWER_WITHIN_S = 0.5
POLL_S = 0.05
SAY_AGAIN_S = 5.0
STOP_WITHIN_S = 10.0
FLUSH_WITHIN_S = 2.0
PREDECESSOR_GONE_WITHIN_S = 10.0
REVIVE_PAUSE_S = 10.0
DRAIN_POLL_S = 0.1
LAST_WITHIN_S = 2.0
"""How long phones may take to end what rings, once the drain is over."""


class StopAsked(Star87Error):
    """Somebody asked the node to stop while it was still starting."""


class RunningNode:
    """Everything that `star87 run` has started, and the one order in which it is stopped."""

    def __init__(
        self,
        settings: Settings,
        listens: Sequence[Listen],
        document: str | None,
        capture: str,
        stop: StopSignal,
    ) -> None:
        self._settings = settings
        self._private = not settings.redis_url
        if self._private:
            self._settings = replace(settings, redis_url=f"unix://{processes.redis_socket(settings)}")
        self._spiral: socket.socket | None = None
        """Holds the port by which the node sends to itself until Kamailio has it."""
        if not settings.spiral_port:
            self._spiral = held_port()
            self._settings = replace(self._settings, spiral_port=self._spiral.getsockname()[1])
        self._listens = listens
        self._document = document
        self._capture = capture
        self._stop = stop
        self._children: list[Child] = []
        self._no_new_store_before_s = 0.0
        self._say = Sayings(settings.node, settings.log_format).say

    def run(self) -> None:
        """Start, say `ready`, and return when a stop was asked for.

        Raises CommandFailed when a part cannot start or ends by itself, StopAsked when asked to stop before
        it was ready; either way nothing is left running.
        """
        try:
            self._await_predecessor()
            self._check_addresses()
            # From the first moment: an orchestrator is to see that the node starts, and is not ready yet.
            with self._health_pages():
                self._start_all()
                addresses = " ".join(str(listen) for listen in self._listens)
                health = f" health=http://{self._settings.health}" if self._settings.health else ""
                print(f"ready {addresses} redis={without_password(self._settings.redis_url)}{health}", flush=True)
                tell_systemd(READY)
                self._watch()
                tell_systemd(STOPPING)
                self._drain()
        finally:
            self._let_go_of_spiral()
            self._stop_all()

    def _let_go_of_spiral(self) -> None:
        if self._spiral is not None:
            self._spiral.close()

    def _start_all(self) -> None:
        if self._private:
            self._start(processes.start_redis(self._settings))
        self._prepare_store(self._await_store())
        if self._capture:
            self._start(processes.start_capture(self._settings, self._listens, self._capture))
            self._await_capture()
        if self._is_encrypted:
            tls.install(self._settings.tls_certificate, self._settings.tls_private_key, self._settings.node_dir)
        kamailio = self._start(processes.start_kamailio(self._settings, self._listens))
        self._node_file(kamailio).write()
        self._await_answer()
        self._let_go_of_spiral()

    @contextmanager
    def _health_pages(self) -> Iterator[None]:
        if not self._settings.health:
            yield
            return
        address = health_address(self._settings.health)
        why = address.why_not()
        if why:
            raise CommandFailed(f"--health {self._settings.health} {why}; choose another")
        looks = Looks(self._settings, self._listens, lambda: tuple(self._children), lambda: self._stop.asked)
        metrics = Metrics(self._settings, looks.readiness)
        pages: dict[str, Look] = {"/healthz": looks.health, "/readyz": looks.readiness, "/metrics": metrics.page}
        server = HealthServer(address.host, address.port, pages)
        server.start()
        try:
            yield
        finally:
            server.stop()

    def _start(self, child: Child) -> Child:
        self._children.append(child)
        return child

    def _watch(self) -> None:
        """Return when a stop is asked for; raises CommandFailed when a part ends that cannot be replaced."""
        while not self._stop.asked:
            self._stop.wait(None, self._children)
            in_time = time.monotonic() >= self._no_new_store_before_s
            if self._private and in_time and self._children[0].ended() is not None and not self._stop.asked:
                self._revive_store()
            else:
                self._see_that_all_live()

    def _drain(self) -> None:
        """Let what rings be answered; ends when nothing rings or waits any more, in time, or at a second signal."""
        deadline = time.monotonic() + self._settings.drain_s
        try:
            if self._settings.drain_s:
                set_drain(self._settings.node_dir, Drain.YES)
                left = unfinished(self._settings.node_dir)
                if left:
                    self._say(f"draining, {self._settings.drain_s} s at most; requests under way: {left}")
                if not self._is_quiet_by(deadline):
                    set_drain(self._settings.node_dir, Drain.LAST)
                    end_what_rings(self._settings.node_dir)
                    self._is_quiet_by(time.monotonic() + LAST_WITHIN_S)
        except ControlFailed as failure:
            self._say(f"not drained: {failure}")

    def _is_quiet_by(self, deadline: float) -> bool:
        """Wait until nothing rings or waits, or nobody wants to wait for that; False when time ran out first."""
        while unfinished(self._settings.node_dir):
            if time.monotonic() >= deadline:
                return False
            self._stop.wait(DRAIN_POLL_S, self._children, heard=1)
            if self._stop.times > 1 or any(child.ended() is not None for child in self._children):
                return True
        return True

    def _revive_store(self) -> None:
        """Give the node a new private Redis: calls go on, those that ring now cannot be picked up any more."""
        self._say("the private Redis ended by itself and is started anew")
        document = self._document_in_force()
        self._children[0].close()
        self._children[0] = processes.start_redis(self._settings)
        self._no_new_store_before_s = time.monotonic() + REVIVE_PAUSE_S
        store = self._await_store()
        store.keyspace.begin()
        if document is not None:
            store.provisioning.publish(document)

    def _document_in_force(self) -> str | None:
        """What the node routes by: `star87 apply` may have replaced what it was started with."""
        snapshots = sorted(Path(self._settings.node_dir).glob(SNAPSHOTS), key=lambda path: path.stat().st_mtime_ns)
        if not snapshots:
            return self._document
        directory = Directory(str(snapshots[-1]))
        try:
            return encode(provisioning_of(directory))
        finally:
            directory.close()

    def _stop_all(self) -> None:
        Path(self._settings.node_dir, NODE_FILE).unlink(missing_ok=True)
        # Kamailio first: it still tells the store what ended.
        for child in reversed(self._children):
            if child.name == "capture" and child.ended() is None:
                processes.flush_capture(self._listens[0], self._capture, FLUSH_WITHIN_S)
            child.stop(STOP_WITHIN_S)

    def _see_that_all_live(self) -> None:
        for child in self._children:
            status = child.ended()
            if status is not None and not self._stop.asked:
                log = processes.log_path(self._settings, child.name)
                for line in processes.last_errors(log):
                    print(line, file=sys.stderr)
                how = f"signal {-status}" if status < 0 else f"exit status {status}"
                raise CommandFailed(f"{child.name} ended by itself ({how}); its log is {log}")

    def _pause(self, seconds: float) -> None:
        """Wait a little; raises StopAsked, or CommandFailed when a part has ended."""
        self._stop.wait(seconds, self._children)
        if self._stop.asked:
            raise StopAsked
        self._see_that_all_live()

    def _await_predecessor(self) -> None:
        """A `run` that was killed leaves a Kamailio that is just ending: let it free its addresses and files."""
        before = NodeFile.read(self._settings.node_dir)
        deadline = time.monotonic() + PREDECESSOR_GONE_WITHIN_S
        while before is not None and time.monotonic() < deadline:
            try:
                name = Path(f"/proc/{before.kamailio_pid}/comm").read_text().strip()
            except OSError:
                break
            if name != "kamailio":
                break
            self._pause(POLL_S)
        for snapshot in Path(self._settings.node_dir).glob(SNAPSHOTS):
            snapshot.unlink()
        # Counters begin at zero again, as Prometheus expects of a restart.
        shutil.rmtree(self._settings.counts_path, ignore_errors=True)

    def _check_addresses(self) -> None:
        for listen in self._listens:
            why = listen.why_not()
            if why:
                raise CommandFailed(f"{listen} {why}; choose another with --listen")

    def _await_store(self) -> Store:
        say_at = time.monotonic() + (SAY_AGAIN_S if self._private else 0.0)
        # A start waits for the store as long as it takes: no circuit breaker, and time for a large document.
        store = open_named_store(replace(self._settings, redis_retry_ms=0, redis_timeout_ms=PATIENCE_MS))
        while True:
            try:
                store.ping()
                return store
            except StoreUnavailable as error:
                if time.monotonic() >= say_at:
                    place = without_password(self._settings.redis_url)
                    self._say(f"waiting for the state store at {place} ({error})")
                    say_at = time.monotonic() + SAY_AGAIN_S
            self._pause(POLL_S if self._private else self._settings.redis_retry_ms / 1000)

    def _prepare_store(self, store: Store) -> None:
        version = store.keyspace.begin()
        if version != VERSION:
            self._say(
                f"the state store has keyspace {version}, that of this release is {VERSION}: "
                "when every node runs this release, `star87 migrate`"
            )
        store.load_functions()
        if self._document is not None:
            store.provisioning.publish(self._document)
        elif store.provisioning.version() == 0:
            self._say("no document is in force yet: the node waits for `star87 apply`")

    def _await_capture(self) -> None:
        """dumpcap names its file once it sees every packet."""
        while not processes.log_tells(self._settings, "capture", "File: "):
            self._pause(POLL_S)

    def _await_answer(self) -> None:
        """Return when the node answers OPTIONS with 200; it says 503 until it has its provisioning."""
        deadline = time.monotonic() + READY_WITHIN_S
        status = None
        while time.monotonic() < deadline or self._document is None:
            status = ask_options(self._listens[0], ANSWER_WITHIN_S)
            if status == 200:
                return
            self._pause(POLL_S)
        last = f"answered {status}" if status else "did not answer"
        log = processes.log_path(self._settings, "kamailio")
        raise CommandFailed(f"the node {last} on {self._listens[0]} for {READY_WITHIN_S:.0f} s; see {log}")

    def _node_file(self, kamailio: Child) -> NodeFile:
        return NodeFile(
            pid=os.getpid(),
            kamailio_pid=kamailio.pid,
            redis_url=self._settings.redis_url,
            listen=tuple(str(listen) for listen in self._listens),
            node_dir=self._settings.node_dir,
            tls_certificate=os.path.abspath(self._settings.tls_certificate) if self._is_encrypted else "",
            tls_private_key=os.path.abspath(self._settings.tls_private_key) if self._is_encrypted else "",
        )

    @property
    def _is_encrypted(self) -> bool:
        return any(listen.is_encrypted for listen in self._listens)

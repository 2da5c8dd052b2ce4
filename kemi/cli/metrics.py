"""`/metrics`: what the node counts, what rings and waits, and Kamailio's own figures, for Prometheus."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from kemi.accounts.directory import Directory
from kemi.cli.control import ControlFailed
from kemi.cli.health import Health
from kemi.cli.kamailio_figures import kamailio_metrics
from kemi.cli.looks import SNAPSHOTS, STORE_WITHIN_MS
from kemi.errors import NotProvisioned, StoreUnavailable
from kemi.metrics import catalogue, cells
from kemi.metrics.catalogue import OTHER, Series, Type
from kemi.settings import Settings
from kemi.store import open_store
from kemi.store.calls import Tally

TALLY_WITHIN_S = 1.0
"""How long the tenants may be looked through; one takes some 0.06 ms."""
Counted = dict[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class MetricsPage:
    text: bytes
    http_status: HTTPStatus = HTTPStatus.OK
    content_type: str = CONTENT_TYPE_LATEST

    def body(self) -> bytes:
        return self.text


class Metrics:
    """Collects for `/metrics`; may run in any thread.

    readiness: the look of `/readyz`, whose checks are shown as well.
    """

    def __init__(self, settings: Settings, readiness: Callable[[], Health]) -> None:
        self._settings, self._readiness = settings, readiness
        self._store = open_store(replace(settings, redis_timeout_ms=STORE_WITHIN_MS, redis_retry_ms=0))
        self._domains = Domains(settings.metrics_domains)
        self._one_at_a_time = threading.Lock()

    def page(self) -> MetricsPage:
        with self._one_at_a_time:
            return MetricsPage(generate_latest(self))

    def collect(self) -> Iterator[Metric]:
        """Every metric of the node. What cannot be told now is left out; the checks say why."""
        began = time.monotonic()
        info = GaugeMetricFamily("star87_node_info", "1; which node and release.", labels=["node", "version"])
        info.add_metric([self._settings.node, version("star87")], 1)
        yield info
        yield from _health(self._readiness())
        processes = [_counted(path) for path in sorted(Path(self._settings.counts_path).glob("[0-9]*"))]
        yield from counted_metrics(processes, self._domains, time.monotonic_ns())
        with suppress(ControlFailed):
            yield from kamailio_metrics(self._settings.node_dir)
        tallies = self._tallies()
        if tallies is not None:
            yield from tally_metrics(tallies, self._domains)
        yield GaugeMetricFamily(
            "star87_scrape_duration_seconds", "How long it took to collect this.", value=time.monotonic() - began
        )

    def _tallies(self) -> dict[str, Tally] | None:
        """What rings and waits in each tenant; None when the store cannot tell now, or not in time."""
        until = time.monotonic() + TALLY_WITHIN_S
        found = {}
        try:
            snapshots = Path(self._settings.node_dir).glob(SNAPSHOTS)
            newest = max(snapshots, key=lambda path: path.stat().st_mtime_ns, default=None)
            if newest is None:
                return None
            with closing(Directory(str(newest))) as directory:
                for domain in directory.domains():
                    if time.monotonic() > until:
                        return None
                    found[domain] = self._store.calls.tally(domain, directory.permission_ids(domain))
        except (StoreUnavailable, NotProvisioned, OSError):
            # A newer snapshot may just have taken the place of this one.
            return None
        return found


class Domains:
    """Which tenants have series of their own: the first `most` that anything was counted of, for good.

    So no counter ever goes down because another tenant came.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._named: set[str] = set()

    def label(self, domain: str, *, counted: bool = True) -> str:
        """counted: whether there is anything to tell of it."""
        if domain not in self._named:
            if not counted or domain == OTHER or len(self._named) >= self._most:
                return OTHER
            self._named.add(domain)
        return domain


def counted_metrics(processes: Sequence[Counted], domains: Domains, now_ns: int) -> Iterator[Metric]:
    """What the processes of a node have counted, added up. now_ns: by the monotonic clock."""
    total: Counted = defaultdict(int)
    for counted in processes:
        for key, number in counted.items():
            total[key] += number
    for series in catalogue.ALL:
        own = {key[1:]: number for key, number in total.items() if key[0] == series.name}
        if series.type is Type.HISTOGRAM:
            yield _histogram(series, own)
        elif series.type is Type.COUNTER:
            yield _counter(series, own, domains)
    open_ones = sum(counted.get((catalogue.BREAKER.name,), 0) > now_ns for counted in processes)
    yield GaugeMetricFamily(
        "star87_store_breakers_open", "Processes whose circuit breaker opened in the last 5 s.", value=open_ones
    )


def tally_metrics(tallies: dict[str, Tally], domains: Domains) -> Iterator[Metric]:
    """The state of all nodes' calls by tenant: every node says the same, so add nothing up over nodes."""
    gauges = [
        GaugeMetricFamily(f"star87_{name}", f"{meaning} Of all nodes on the store.", labels=["domain"])
        for name, meaning in (
            ("calls_ringing", "Calls that ring, or are routed to an account."),
            ("calls_waiting", "Calls that wait in a queue."),
            ("calls_claimed", "Calls that a picker has claimed, until the old call has ended."),
            ("oldest_ringing_seconds", "How long the oldest ringing call has rung."),
            ("oldest_waiting_seconds", "How long the caller at the head of the queues has waited."),
        )
    ]
    expired = CounterMetricFamily(
        "star87_claims_expired", "Claims whose node never gave them back. Of all nodes.", labels=["domain"]
    )
    sums: dict[str, list[float]] = {OTHER: [0.0] * 6}
    for domain, tally in tallies.items():
        figures = [tally.ringing, tally.waiting, tally.claimed, tally.claims_expired]
        ages = [tally.oldest_ringing_s, tally.oldest_waiting_s]
        before = sums.get(label := domains.label(domain, counted=any(figures)), [0.0] * 6)
        sums[label] = [
            *(a + b for a, b in zip(before[:4], figures, strict=True)),
            *(max(a, b) for a, b in zip(before[4:], ages, strict=True)),
        ]
    for label, (ringing, waiting, claimed, ran_out, rung_s, waited_s) in sums.items():
        for gauge, number in zip(gauges, (ringing, waiting, claimed, rung_s, waited_s), strict=True):
            gauge.add_metric([label], number)
        expired.add_metric([label], ran_out)
    yield from gauges
    yield expired


def _counted(path: Path) -> Counted:
    found: Counted = defaultdict(int)
    for name, number in cells.read(path):
        found[tuple(json.loads(name))] += number
    return found


def _health(health: Health) -> Iterator[Metric]:
    ready = float(health.http_status is HTTPStatus.OK)
    yield GaugeMetricFamily("star87_ready", "Whether new calls may be sent to this node, as /readyz says.", value=ready)
    checks = GaugeMetricFamily("star87_check_ok", "Whether each check of /readyz is well.", labels=["check"])
    for check in health.checks:
        checks.add_metric([check.name], float(check.ok))
    yield checks


def _counter(series: Series, own: Counted, domains: Domains) -> Metric:
    family = CounterMetricFamily(f"star87_{series.name}", series.meaning, labels=series.labels)
    sums: Counted = defaultdict(int)
    for labels, number in own.items():
        shown = (domains.label(labels[0]), *labels[1:]) if series.labels[:1] == ("domain",) else labels
        sums[shown] += number
    for known in [(value,) for value in series.known] if series.labels else [()]:
        sums.setdefault(known, 0)
    for shown, number in sorted(sums.items()):
        family.add_metric(shown, number)
    return family


def _histogram(series: Series, own: Counted) -> Metric:
    family = HistogramMetricFamily(f"star87_{series.name}", series.meaning, labels=series.labels)
    names = [*map(str, catalogue.BUCKETS_S), "+Inf"]
    kinds = {labels[:-1] for labels in own} or ({()} if not series.labels else set())
    for labels in sorted(kinds):
        count, buckets = 0, []
        for name in names:
            count += own.get((*labels, name), 0)
            buckets.append((name, float(count)))
        family.add_metric(labels, buckets, own.get((*labels, "sum"), 0) / 1_000_000)
    return family

"""Kamailio's own statistics as Prometheus has them, read through its control socket: no SIP worker has part in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kemi.cli.control import ask

WITHIN_S = 1.0
METHOD = re.compile(r"core:rcv_requests_([a-z]+)")
REPLY_CLASS = re.compile(r"core:rcv_replies_([1-6]xx)")
COUNTERS = {
    "tmx:UAS_transactions": ("transactions_received", "Transactions that began with a request to this node."),
    "tmx:UAC_transactions": ("transactions_sent", "Transactions that this node began itself."),
    "tmx:rpl_generated": ("replies_generated", "Answers that this node made itself, statefully."),
    "tmx:rpl_relayed": ("replies_relayed", "Answers passed on."),
    "tmx:rpl_absorbed": ("replies_absorbed", "Answers not passed on."),
    "sl:sent_replies": ("stateless_replies", "Answers without a transaction."),
    "core:bad_msg_hdr": ("bad_headers", "Messages with a header that could not be read."),
    "core:drop_requests": ("requests_dropped", "Requests dropped without an answer."),
    "core:err_requests": ("requests_failed", "Requests that could not be worked on."),
    "registrar:accepted_regs": ("registrations_accepted", "REGISTER requests accepted."),
    "registrar:rejected_regs": ("registrations_rejected", "REGISTER requests refused."),
    "tcp:con_reset": ("tcp_resets", "Connections that the other side reset."),
    "tcp:con_timeout": ("tcp_timeouts", "Connections closed because they were idle."),
    "tcp:connect_failed": ("tcp_connects_failed", "Connections that could not be opened."),
    "tcp:sendq_full": ("tcp_queue_full", "Messages lost because a connection's queue was full."),
}
GAUGES = {
    "tmx:active_transactions": ("transactions_active", "Transactions without a final answer yet."),
    "tmx:inuse_transactions": ("transactions_in_memory", "Transactions in memory."),
    "usrloc:location_contacts": ("contacts", "Contacts that are registered at this node."),
    "usrloc:registered_users": ("registered_users", "Addresses-of-record that are registered at this node."),
    "tcp:current_opened_connections": ("tcp_connections", "Open connections."),
    "shmem:total_size": ("shared_memory_bytes", "Shared memory."),
    "shmem:real_used_size": ("shared_memory_used_bytes", "Shared memory in use, its administration included."),
}


def kamailio_metrics(node_dir: str) -> Iterator[Metric]:
    """Raises ControlFailed when Kamailio does not answer."""
    figures = dict(_figure(str(line)) for line in ask(node_dir, "stats.get_statistics", "all", within_s=WITHIN_S))
    for figure, (name, meaning) in COUNTERS.items():
        yield CounterMetricFamily(f"kamailio_{name}", meaning, value=figures.get(figure, 0))
    for figure, (name, meaning) in GAUGES.items():
        yield GaugeMetricFamily(f"kamailio_{name}", meaning, value=figures.get(figure, 0))
    yield _by("requests_received", "Requests by method.", "method", METHOD, figures)
    yield _by("replies_received", "Answers by class.", "class", REPLY_CLASS, figures)
    gateways = GaugeMetricFamily(
        "star87_gateway_up", "Whether a trunk's destination answers (1), as this node found.", labels=["gateway"]
    )
    for uri, is_up in gateways_of(ask(node_dir, "dispatcher.list", within_s=WITHIN_S)):
        gateways.add_metric([uri], float(is_up))
    yield gateways


def gateways_of(listed: Any) -> Iterator[tuple[str, bool]]:
    """Each destination in what Kamailio answers to dispatcher.list, and whether calls are sent there."""
    if isinstance(listed, Mapping):
        uri, flags = listed.get("URI"), listed.get("FLAGS")
        if isinstance(uri, str) and isinstance(flags, str):
            yield uri, flags.startswith("A")
        for name, value in listed.items():
            if name != "URI":
                yield from gateways_of(value)
    elif isinstance(listed, (list, tuple)):
        for value in listed:
            yield from gateways_of(value)


def _figure(line: str) -> tuple[str, float]:
    name, _, number = line.partition(" = ")
    return name, float(number or 0)


def _by(name: str, meaning: str, label: str, pattern: re.Pattern[str], figures: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"kamailio_{name}", meaning, labels=[label])
    for figure, number in figures.items():
        found = pattern.fullmatch(figure)
        if found:
            family.add_metric([found[1]], number)
    return family

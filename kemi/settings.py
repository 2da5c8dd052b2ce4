"""Every setting of a node with its default and unit: the only reader of the environment.

A setting `redis_url` is read from `STAR87_REDIS_URL`; `star87 run` sets them from its options.
What belongs to a tenant (the pickup code, hold, …) is in the provisioning document instead.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

PREFIX = "STAR87_"
COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class Settings:
    node: str = "star87"
    """Name of this node, unique on one state store."""
    boot: str = ""
    """Tells this run of the node from every other: made by `star87 run`."""
    peer: str = ""
    """`udp:address:port` where other nodes of the deployment reach this one; `star87 run` takes the first udp address
    that it listens on. Empty: no calls pass between this node and others."""
    udp_socket: str = ""
    """`udp:address:port` by which phones are called that registered at another node: `star87 run` takes the first udp
    address that it listens on and that is no loopback address."""
    node_silence_ms: int = 3_000
    """How long a node may say nothing before the others take it for dead; each says that it lives every second."""
    run_dir: str = "/run/star87"
    """Folder of this host's nodes; each keeps its sockets and its provisioning snapshot in a folder of its name."""
    redis_url: str = ""
    """One Redis, Sentinels or a Cluster (kemi/store/urls.py); empty: none given."""
    tracking: int = 1
    """0: calls are not tracked, so none can be picked up. To see what tracking costs."""
    health: str = ""
    """`address:port` where `star87 run` answers /healthz, /readyz and /metrics over HTTP; empty: nowhere."""
    metrics_domains: int = 100
    """How many tenants have metrics of their own; those of the others are added up as `other`."""
    log_format: str = "text"
    """`text`, or `json`: one object a line."""
    drain_s: int = 10
    """How long a stop waits for what still rings and waits; 0: not at all."""
    web_admin_password_file: str = ""
    """Path of a file with the administrator's password for `star87 web`; empty: there is no administrator's view."""
    redis_password_file: str = ""
    """Path of a file with the password for redis_url, which then has none; read by the command `star87`."""
    workers: int = 4
    """UDP processes for each listen address."""
    tcp_workers: int = 2
    """Processes for all TCP connections."""
    shared_memory_mb: int = 512
    """Kamailio's shared memory: 26 KiB for each transaction, which lives 5 s after its end."""
    tls_certificate: str = ""
    """Path of the certificate chain (PEM) for tls and wss."""
    tls_private_key: str = ""
    """Path of its private key (PEM, without a passphrase)."""
    websocket_ports: str = ""
    """Ports on which HTTP may turn into WebSocket, with commas between: set by `star87 run`."""
    stream_proof_s: int = 30
    """How long a connection may be idle that has not shown that it belongs to anybody served here."""
    keepalive_s: int = 30
    """How often phones behind a NAT, and WebSocket connections that are idle, are pinged; 0: never."""
    redis_timeout_ms: int = 50
    """Longest that one operation on the state store takes a worker, connecting and trying again included."""
    redis_retry_ms: int = 500
    """Pause before a store that failed is tried again."""
    provision_poll_ms: int = 250
    """How often a node asks whether a newer provisioning document is in force."""
    rtpengine: str = ""
    """Media relays, `udp:host:port`, several separated by blanks or commas; empty: media goes past this node."""
    rtpengine_wait_ms: int = 250
    """Longest wait for one answer of a media relay, which is asked twice."""
    ring_max_s: int = 180
    """Longest that an extension, or a hunt stage without ring_s, is rung (RFC 3261 §16.6 timer C)."""
    phone_silence_ms: int = 10_000
    """How long a phone that is rung may stay silent before its branch is given up."""
    gateway_silence_ms: int = 2_000
    """How long a trunk's destination may stay silent before the next one is tried."""
    gateway_probe_s: int = 10
    """How often each destination of a trunk is asked, by OPTIONS, whether it is there."""
    queue_look_ms: int = 50
    """How often a node looks whether a waiting caller and an idle agent can be paired."""
    queue_repeat_ms: int = 50_000
    """How often a waiting caller hears 182 again (RFC 3261 §13.3.1.1: before a minute has passed)."""
    queue_sign_ms: int = 10_000
    """How often a node confirms that it still holds a queued call; after three omissions the call is forgotten."""
    max_missed: int = 3
    """Offers in a row that an agent may miss before he is logged out."""
    claim_ttl_ms: int = 15_000
    """How long a claim outlives a node that died holding it."""
    replaces_silence_ms: int = 2_000
    """How long the caller's device may leave an INVITE with Replaces without any answer."""
    replaces_answer_ms: int = 5_000
    """How long the caller's device may take to answer an INVITE with Replaces finally."""
    reroute_answer_s: int = 10
    """How long the device that dialled may take to answer a call that is sent to it."""
    spiral_port: int = 0
    """UDP port on 127.0.0.1 by which the node sends a request to itself; 0: `star87 run` chooses a free one."""
    pickup_tries: int = 8
    """How many calls one `*87` may be sent after before it ends with 480."""
    device_memory_s: int = 604_800
    """How long it is remembered that a caller's device carried a Replaces out, or did not."""
    already_answered_ms: int = 5_000
    """How long after an answer a directed pickup is told 410 instead of 480."""
    dialog_ttl_s: int = 14_400
    """How long a confirmed dialog is remembered after the last request that passed through it."""
    denied_pickups_per_min: int = 10
    """How many attempts of a picker may end for want of permission (403, 404) before *87 is closed to him; 0: any."""
    flood_requests_per_s: int = 2_000
    """How many requests a source may send in a second; the rest gets no answer. 0: any number. Trunks are exempt,
    and ten times as many may come of users who gave good credentials from there."""
    scan_strikes: int = 100
    """How much without authority a source may send in `scan_window_s` before it is blocked; 0: it never is."""
    scan_window_s: int = 60
    """How long strikes of a source, and challenges that it left unanswered, are added up."""
    block_s: int = 60
    """How long a source is blocked."""
    auth_failures: int = 5
    """Wrong passwords of a user from a source within `auth_window_s` before there is a pause; 0: there is none."""
    auth_window_s: int = 300
    """How long wrong passwords are added up, and how long a pause is remembered after its end."""
    auth_backoff_s: int = 15
    """The first pause, in which credentials are not looked at; each one that follows is twice as long."""
    auth_backoff_max_s: int = 900
    """The longest pause."""
    lamp_look_ms: int = 100
    """How often a node asks the store which of the accounts that are watched here have changed."""
    lamp_gap_ms: int = 1_000
    """One NOTIFY to a watcher in so long, of three in a row apart (RFC 4235 §3.10)."""
    lamp_expires_min_s: int = 60
    """Shorter subscriptions get 423."""
    lamp_expires_max_s: int = 3_600
    """Longer subscriptions are shortened to this."""
    events_max: int = 10_000
    """About how many pickup events are kept for each tenant."""

    @property
    def instance(self) -> str:
        """This run of this node, as it stands with the calls that it holds."""
        return f"{self.node}@{self.boot}" if self.boot else self.node

    @property
    def node_dir(self) -> str:
        """Folder of this node: sockets, snapshot, logs."""
        return f"{self.run_dir}/{self.node}"

    @property
    def lamps_path(self) -> str:
        """The subscriptions to lamps at this node (kemi/lamps/book.py)."""
        return f"{self.node_dir}/lamps.sqlite"

    @property
    def gateways_path(self) -> str:
        """The list of trunks' destinations that kamailio.cfg reads."""
        return f"{self.node_dir}/gateways.list"

    @property
    def counts_path(self) -> str:
        """Folder of what each process of the node counts."""
        return f"{self.node_dir}/{COUNTS}"

    @property
    def websocket_port_numbers(self) -> frozenset[int]:
        return frozenset(int(port) for port in self.websocket_ports.split(",") if port.strip().isdigit())

    @property
    def seal_path(self) -> str:
        """The key by which the node knows its own Record-Route; nodes that share an address need the same file."""
        return f"{self.node_dir}/seal.key"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raises ValueError that names the variable when a number is none."""
        environment = os.environ if environment is None else environment
        values: dict[str, str | int] = {}
        for field in fields(cls):
            variable = PREFIX + field.name.upper()
            text = environment.get(variable)
            if text is None or text == "":
                continue
            if isinstance(field.default, int):
                if not text.isdigit():
                    raise ValueError(f"{variable}: a whole number is needed, not {text!r}")
                values[field.name] = int(text)
            else:
                values[field.name] = text
        return cls(**values)  # type: ignore[arg-type]

    def to_environment(self) -> dict[str, str]:
        """The variables that give these settings to another process."""
        return {PREFIX + field.name.upper(): str(getattr(self, field.name)) for field in fields(self)}


def notify_socket() -> str:
    """Where the service manager wants to hear of this process (sd_notify(3)); empty: nobody asked."""
    return os.environ.get("NOTIFY_SOCKET", "")

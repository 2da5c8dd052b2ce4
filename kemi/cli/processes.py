"""The processes of a node and the command lines that start them."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import secrets
import shutil
import signal
import socket
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import kemi
from kemi.cli import tls
from kemi.cli.listen import Listen
from kemi.cli.log_lines import KAMAILIO_ENGINE, Scribe, json_scribe
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.relays import relay_sockets
from kemi.cli.supervisor import CHILD_PATH, Child
from kemi.nodes.flows import number_of
from kemi.settings import Settings

PROJECT_ROOT = Path(kemi.__file__).resolve().parent.parent
KAMAILIO_CFG = PROJECT_ROOT / "kamailio.cfg"
TAIL_BYTES = 1 << 20
POLL_S = 0.05
ERROR_LINE = re.compile(r"""\b(ERROR|CRITICAL|ALERT|EMERG|BUG): |"level": "(error|critical|alert|emerg|bug)\"""")


def program(name: str, package: str) -> str:
    """Where a program is; raises CommandFailed that names the Debian package which has it."""
    found = shutil.which(name, path=CHILD_PATH)
    if found is None:
        raise CommandFailed(f"{name} is not installed: apt-get install {package}", Exit.USAGE)
    return found


def redis_socket(settings: Settings) -> str:
    """Where a node's private Redis listens."""
    return f"{settings.node_dir}/redis.sock"


def start_redis(settings: Settings) -> Child:
    """Start the private Redis of a node: a unix socket in its folder, no TCP port, nothing on disk."""
    socket_path = Path(redis_socket(settings))
    socket_path.unlink(missing_ok=True)
    return Child(
        "redis",
        [
            program("redis-server", "redis-server"),
            *("--port", "0"),
            *("--unixsocket", str(socket_path), "--unixsocketperm", "700"),
            *("--save", "", "--appendonly", "no"),
            # A histogram of every command that a function calls: a twentieth of what a call costs here.
            *("--latency-tracking", "no"),
            *("--dir", settings.node_dir),
            *("--daemonize", "no"),
        ],
        log_path=fresh_log(settings, "redis"),
        scribe=_scribe(settings, "redis"),
        environment={},
        death_signal=signal.SIGKILL,
    )


def start_kamailio(settings: Settings, listens: Sequence[Listen]) -> Child:
    """Start Kamailio on these addresses, with the settings in its environment.

    Its interpreter is Debian's; PYTHONPATH gives it the packages of this environment.
    """
    if not KAMAILIO_CFG.is_file():
        raise CommandFailed(f"{KAMAILIO_CFG} is missing: run star87 from a checkout of the project", Exit.USAGE)
    return Child(
        "kamailio",
        [
            program("kamailio", "kamailio kamailio-python3-modules"),
            *("-f", str(KAMAILIO_CFG)),
            *("-DD", "-E"),
            *((f"--log-engine={KAMAILIO_ENGINE}",) if settings.log_format == "json" else ()),
            *("-m", str(settings.shared_memory_mb)),
            # The default allocator looks through lists of free pieces: a third of what a call costs.
            *("-x", "tlsf", "-X", "tlsf"),
            *("-w", settings.node_dir, "-Y", settings.node_dir),
            *(part for define in _defines(settings, listens) for part in ("-A", define)),
            *(part for bound in dict.fromkeys(listen.bound for listen in listens) for part in ("-l", bound)),
        ],
        log_path=fresh_log(settings, "kamailio"),
        scribe=_scribe(settings, "kamailio"),
        environment={
            "PYTHONPATH": f"{PROJECT_ROOT}:{sysconfig.get_path('purelib')}",
            **replace(settings, websocket_ports=_websocket_ports(listens)).to_environment(),
        },
    )


def _websocket_ports(listens: Sequence[Listen]) -> str:
    return ",".join(str(listen.port) for listen in listens if listen.is_websocket)


def _defines(settings: Settings, listens: Sequence[Listen]) -> list[str]:
    """What kamailio.cfg leaves open."""
    relays = " ".join(relay_sockets(settings.rtpengine))
    encrypted = any(listen.is_encrypted for listen in listens)
    websocket = any(listen.is_websocket for listen in listens)
    return [
        *([f'RTPENGINE="{relays}"', f"RTPENGINE_WAIT_MS={settings.rtpengine_wait_ms}"] if relays else []),
        f'KEMI="{PROJECT_ROOT}/kemi/main.py"',
        f'CTL_SOCKET="unix:{settings.node_dir}/ctl.sock"',
        *(_peer_defines(settings) if settings.peer else ()),
        f"SPIRAL=udp:127.0.0.1:{settings.spiral_port}",
        f"WORKERS={settings.workers}",
        f"TCP_WORKERS={settings.tcp_workers}",
        f'PROVISION_TIMER="name=provisioning;interval={settings.provision_poll_ms * 1000}u;mode=1;"',
        f'GATEWAYS="{settings.gateways_path}"',
        f"GATEWAY_PROBE_S={settings.gateway_probe_s}",
        f'DISPATCH_TIMER="name=dispatch;interval={settings.queue_look_ms * 1000}u;mode=1;"',
        f'LAMPS_TIMER="name=lamps;interval={settings.lamp_look_ms * 1000}u;mode=1;"',
        f"KEEPALIVE_S={settings.keepalive_s}",
        *(("LOG_JSON",) if settings.log_format == "json" else ()),
        f"STREAM_PROOF_S={settings.stream_proof_s}",
        *(("WITH_TLS", *tls.defines(settings)) if encrypted else ()),
        *(("WITH_WEBSOCKET",) if websocket else ()),
        *(("WITH_WEBSOCKET_PING",) if websocket and settings.keepalive_s else ()),
    ]


def _peer_defines(settings: Settings) -> tuple[str, ...]:
    """What the modules need that share contacts with other nodes."""
    place = settings.peer.partition(":")[2]
    return (
        f'PEER="sip:{place}"',
        f'PEER_SOCKET="udp:{place}"',
        f"NODE_NUMBER={number_of(settings.node)}",
    )


def start_capture(settings: Settings, listens: Sequence[Listen], path: str) -> Child:
    """Start dumpcap on what passes through the listen addresses' ports."""
    loopback = all(ipaddress.ip_address(listen.host).is_loopback for listen in listens)
    ports = " or ".join(sorted({f"port {listen.port}" for listen in listens}))
    return Child(
        "capture",
        [
            program("dumpcap", "tshark"),
            *("-q", "-i", "lo" if loopback else "any"),
            *("-f", ports),
            *("-w", path),
        ],
        log_path=fresh_log(settings, "capture"),
        scribe=_scribe(settings, "capture"),
        environment={},
    )


def flush_capture(listen: Listen, path: str, within_s: float) -> None:
    """Return when everything that passed before this call is in the capture, or after within_s seconds.

    dumpcap drops what the kernel still holds when it is ended: so a last datagram goes its way, and is waited for.
    """
    last = b"star87 ends its capture " + secrets.token_hex(8).encode()
    deadline = time.monotonic() + within_s
    # Whatever goes wrong here (the file was moved, say), the node must still stop.
    with contextlib.suppress(OSError), socket.socket(listen.family, socket.SOCK_DGRAM) as sender:
        sender.sendto(last, (listen.local_host, listen.port))
        while time.monotonic() < deadline:
            with open(path, "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                if last in file.read():
                    return
            time.sleep(POLL_S)


def _scribe(settings: Settings, name: str) -> Scribe | None:
    return json_scribe(settings.node, name) if settings.log_format == "json" else None


def log_path(settings: Settings, name: str) -> str:
    return f"{settings.node_dir}/{name}.log"


def fresh_log(settings: Settings, name: str) -> str:
    """The log of a program, begun anew; the log of the run before is kept beside it, as `.log.1`."""
    path = Path(log_path(settings, name))
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    return str(path)


def last_errors(path: str, most: int = 5) -> list[str]:
    """The last lines of a log that tell of errors; when none does, its last lines."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
    return ([line for line in lines if ERROR_LINE.search(line)] or lines)[-most:]


def log_tells(settings: Settings, name: str, word: str) -> bool:
    """Whether a program has written this word."""
    return word in Path(log_path(settings, name)).read_text(errors="replace")

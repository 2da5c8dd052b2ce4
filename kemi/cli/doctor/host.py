"""What is looked at on the host: programs, Kamailio's modules, addresses, certificates, the running node."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kemi.cli import tls
from kemi.cli.control import ControlFailed, ask
from kemi.cli.doctor.finding import Finding, note, ok, wrong
from kemi.cli.kamailio_figures import gateways_of
from kemi.cli.listen import Listen, answer_to_options
from kemi.cli.node import NodeFile
from kemi.cli.outcome import CommandFailed
from kemi.cli.processes import KAMAILIO_CFG, program
from kemi.settings import Settings
from kemi.sip.options import status_of

ANSWER_WITHIN_S = 2.0
SOON = timedelta(days=14)
MODULE_PACKAGES = {
    "app_python3": "kamailio-python3-modules",
    "tls": "kamailio-tls-modules",
    "websocket": "kamailio-websocket-modules",
}
MODULES = re.compile(r'^\s*loadmodule\s+"(\w+)\.so"', re.MULTILINE)
MODULES_FOLDER = re.compile(r"\(default: (\S+modules/?)\)")


def look_at_programs(*, private_redis: bool) -> Iterator[Finding]:
    """Kamailio, its modules, and Redis where a node starts one of its own."""
    try:
        kamailio = program("kamailio", "kamailio kamailio-python3-modules")
        if private_redis:
            program("redis-server", "redis-server")
    except CommandFailed as missing:
        said, _, remedy = missing.message.partition(": ")
        yield wrong("programs", said, remedy)
        return
    help_text = subprocess.run([kamailio, "-h"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    version = subprocess.run([kamailio, "-v"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    yield ok("programs", version.partition("\n")[0].removeprefix("version: ").strip())
    folder = MODULES_FOLDER.search(help_text)
    wanted = MODULES.findall(KAMAILIO_CFG.read_text())
    yield look_at_modules(wanted, Path(folder[1]) if folder else Path("/usr/lib/kamailio/modules"))


def look_at_modules(wanted: Sequence[str], folder: Path) -> Finding:
    """Whether each module that kamailio.cfg may load is there."""
    missing = [name for name in wanted if not (folder / f"{name}.so").is_file()]
    if not missing:
        return ok("modules", f"all {len(wanted)} are in {folder}")
    packages = dict.fromkeys(MODULE_PACKAGES.get(name, "kamailio") for name in missing)
    return wrong(
        "modules", f"{', '.join(missing)} missing in {folder}", f"apt-get install {' '.join(sorted(packages))}"
    )


def look_at_addresses(node: NodeFile | None, listens: Sequence[Listen]) -> Iterator[Finding]:
    """Of a running node, whether each answers; else whether each is free."""
    if node is None:
        yield note("node", "none runs here", "star87 run, or say --node and --run-dir")
        for listen in listens:
            why = listen.why_not()
            if why:
                yield wrong("addresses", f"{listen} {why}", "end what holds it (ss -lnp), or choose another --listen")
            else:
                yield ok("addresses", f"{listen} is free")
        return
    yield ok("node", f"runs in {node.node_dir} (process {node.pid})")
    for text in node.listen:
        listen = Listen.parse(text)
        status = status_of(answer_to_options(listen, ANSWER_WITHIN_S))
        if status == 200:
            yield ok("addresses", f"{listen} answers OPTIONS")
        elif status == 503:
            yield note("addresses", f"{listen} takes no new calls (503)", "star87 drain --off, or star87 apply FILE")
        else:
            said = f"answers {status}" if status else "does not answer OPTIONS"
            yield wrong("addresses", f"{listen} {said}", f"see {node.node_dir}/kamailio.log; restart the node")


def look_at_gateways(node: NodeFile | None) -> Iterator[Finding]:
    """The trunks' destinations, as the running node found them."""
    if node is None:
        return
    try:
        found = list(gateways_of(ask(node.node_dir, "dispatcher.list")))
    except ControlFailed:
        # Without any destination there is no list.
        return
    for uri, is_up in found:
        if is_up:
            yield ok("trunks", f"{uri} answers")
        else:
            yield wrong("trunks", f"{uri} is silent", "is its address right, and does it let this host's OPTIONS pass?")


def look_at_certificate(settings: Settings, node: NodeFile | None, now: datetime) -> Iterator[Finding]:
    """That of the running node, or of the settings: whether it goes with its key, and until when it is good."""
    certificate = (node.tls_certificate if node else "") or settings.tls_certificate
    key = (node.tls_private_key if node else "") or settings.tls_private_key
    if not certificate and not key:
        return
    try:
        tls.check_pair(certificate, key)
        end = end_of(certificate)
    except (CommandFailed, OSError) as fault:
        said = fault.message if isinstance(fault, CommandFailed) else f"{certificate} or {key}: {fault.strerror}"
        yield wrong("certificate", said, "put the pair that belongs together at these paths")
        return
    left, until = end - now, end.strftime("%Y-%m-%d %H:%M UTC")
    renew = f"renew {certificate} and {key}, then star87 reload-certificates"
    if left < timedelta(0):
        yield wrong("certificate", f"{certificate} ended on {until}", renew)
    elif left < SOON:
        yield note("certificate", f"{certificate} ends on {until}", renew)
    else:
        yield ok("certificate", f"{certificate} goes with its key and is good until {until}")
    if node is not None and not _is_in_force(node.node_dir, Path(certificate)):
        yield note(
            "certificate", f"the node still works with an older copy of {certificate}", "star87 reload-certificates"
        )


def end_of(certificate: str) -> datetime:
    """When the first certificate of a PEM file ends; raises CommandFailed when that is none."""
    command = [program("openssl", "openssl"), "x509", "-noout", "-enddate", "-in", certificate]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = done.stdout.strip().removeprefix("notAfter=")
    try:
        return datetime.strptime(said, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    except ValueError as error:
        raise CommandFailed(f"{certificate} is no certificate in PEM") from error


def _is_in_force(node_dir: str, certificate: Path) -> bool:
    try:
        config = Path(tls.config_path(node_dir)).read_text()
        content = certificate.read_bytes()
        return any(str(copy) in config and copy.read_bytes() == content for copy in Path(node_dir).glob("tls-*.crt"))
    except OSError:
        return True

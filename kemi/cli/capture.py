"""`star87 ladder`: the SIP messages of a capture, read through tshark, or what the state store knows of a call."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from kemi.cli.ladder import Message, draw
from kemi.cli.options import Domain, Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.output import printable, progress
from kemi.cli.processes import program
from kemi.cli.provisioned import chosen_domains, directory_in_force
from kemi.cli.reach import reach_store
from kemi.cli.recorded import messages_of_record
from kemi.pickup.event import PickupEvent
from kemi.store import Store


def ladder(
    file: Annotated[
        str, typer.Argument(metavar="FILE.pcap|CALL-ID", help="The capture, or the call.", show_default=False)
    ],
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS:PORT=NAME", help="What to call a host; may be given several times."),
    ] = None,
    call_id: Annotated[
        list[str] | None,
        typer.Option(metavar="CALL-ID", help="Only this call; may be given several times."),
    ] = None,
    domain: Domain = "",
    redis: Redis = "",
    node: Node = "",
    run_dir: RunDir = "",
) -> None:
    """Draw a call ladder: who sent which SIP message to whom, and when.

    Of a capture it is every message. Of a call that is named by its Call-ID, as `star87 events --json` shows it, it is
    what the pickup record and the state store know: who was rung, who picked it up, by which way, and when.
    """
    if not _is_file(file):
        print(printable(_recorded(reach_store(redis, node, run_dir), file, domain)))
        return
    names = dict(_named(text) for text in name or [])
    messages = read_capture(file)
    if call_id:
        messages = [message for message in messages if message.call_id in call_id]
    if not messages:
        raise CommandFailed(f"{file} holds no such SIP message")
    print(printable(draw(messages, names)))


def _is_file(word: str) -> bool:
    """A Call-ID may look like anything, but who means a file names one, or one that is missing."""
    return Path(word).is_file() or word.endswith((".pcap", ".pcapng")) or word.startswith(("/", "./", "../"))


def _recorded(store: Store, call_id: str, domain: str) -> str:
    """The ladder of a call that the store knows; raises CommandFailed (1) when it knows none of that name."""
    events: list[PickupEvent] = []
    now, code = None, "*87"
    with directory_in_force(store) as directory:
        for name in progress(chosen_domains(directory, domain), "looking through the record"):
            found = list(_entries(store, name, call_id))
            events += found
            calls = store.calls.survey(name, directory.permission_ids(name)).calls
            now = next((call for call in calls if call.caller.dialog.call_id == call_id), now)
            settings = directory.settings(name)
            code = settings.pickup_code if found and settings else code
    messages = messages_of_record(events, now, code)
    if not messages:
        raise CommandFailed(f"neither the record nor what rings now has a call {call_id!r}; star87 events --json")
    source = "what follows from the pickup record" if events else "the call so far, as the state store has it"
    return f"{draw(messages, {})}\n\n{source}; a capture shows every message"


def _entries(store: Store, domain: str, call_id: str) -> Iterator[PickupEvent]:
    last = "-"
    while page := store.events.read(domain, after=last):
        last = page[-1].id
        yield from (entry for entry in page if entry.call_id == call_id)


def _named(text: str) -> tuple[str, str]:
    address, equals, name = text.partition("=")
    if not equals or not name or ":" not in address:
        raise CommandFailed(f"--name {text!r}: ADDRESS:PORT=NAME is needed, as in 127.0.0.1:5070=alice", Exit.USAGE)
    return address, name


def read_capture(path: str) -> list[Message]:
    """Every SIP message of a capture, as captured; raises CommandFailed when it cannot be read."""
    if not Path(path).is_file():
        raise CommandFailed(f"{path} cannot be read: no such file", Exit.USAGE)
    command = [
        program("tshark", "tshark"),
        *("-r", path, "-Y", "sip", "-T", "json", "-J", "frame ip ipv6 udp tcp sip", "--no-duplicate-keys"),
    ]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise CommandFailed(f"{path} cannot be read by tshark: {last[0]}")
    return list(messages_of(done.stdout.decode(errors="replace")))


def messages_of(tshark_json: str) -> Iterator[Message]:
    """The messages in what `tshark -T json --no-duplicate-keys` prints; one frame may hold several over TCP."""
    for frame in json.loads(tshark_json):
        layers = frame["_source"]["layers"]
        ip = _one(layers.get("ip") or layers.get("ipv6") or {})
        version = "ip" if "ip" in layers else "ipv6"
        transport = "udp" if "udp" in layers else "tcp"
        ports = _one(layers.get(transport) or {})
        source, target = (
            _host(ip.get(f"{version}.{end}", "?"), ports.get(f"{transport}.{end}port", "?")) for end in ("src", "dst")
        )
        found = layers["sip"]
        for sip in found if isinstance(found, list) else [found]:
            start_line = sip.get("sip.Request-Line") or sip.get("sip.Status-Line")
            if start_line:
                yield Message(
                    at_s=float(_one(layers["frame"])["frame.time_epoch"]),
                    source=source,
                    target=target,
                    start_line=start_line,
                    headers=tuple(_headers(sip.get("sip.msg_hdr", ""))),
                    transport=transport,
                )


def _one(layer: Any) -> dict[str, Any]:
    found: dict[str, Any] = layer[0] if isinstance(layer, list) else layer
    return found


def _host(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _headers(block: str) -> Iterator[tuple[str, str]]:
    """Name and value of each header line; folded lines belong to the one before (RFC 3261 §7.3.1)."""
    unfolded = block.partition("\r\n\r\n")[0].replace("\r\n ", " ").replace("\r\n\t", " ")
    for line in unfolded.split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()

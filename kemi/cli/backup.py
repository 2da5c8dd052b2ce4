"""`star87 backup` and `star87 restore`: the provisioning in force, and what is worth keeping of the state."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from kemi.accounts.document import DocumentInvalid, parse
from kemi.accounts.export import document_of
from kemi.accounts.model import AgentGroup, Domain, Provisioning
from kemi.accounts.wire import decode, encode
from kemi.cli.options import Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.reach import reach_store
from kemi.store import Store
from kemi.store.backup import Kept

FORMAT = 1
File = Annotated[str, typer.Argument(metavar="FILE", help="The backup, in JSON.", show_default=False)]


def backup(file: File, redis: Redis = "", node: Node = "", run_dir: RunDir = "") -> None:
    """Write the provisioning in force into a file for its owner alone, with who of the agents is logged in, the
    statistics of agent groups, and the pickup record.

    It holds HA1s, which are as good as passwords.
    """
    store = reach_store(redis, node, run_dir)
    version, encoded = store.provisioning.fetch()
    if not encoded:
        raise CommandFailed("no provisioning document is in force; star87 apply FILE", Exit.UNREACHABLE)
    provisioning = decode(encoded)
    state = {domain.name: asdict(_kept(store, domain)) for domain in provisioning.domains}
    whole = {"star87_backup": FORMAT, "version": version, "document": document_of(provisioning), "state": state}
    _write(file, json.dumps(whole, indent=1) + "\n")
    print(f"{file}: provisioning version {version}, {_records(sum(len(kept['record']) for kept in state.values()))}")


def restore(file: File, redis: Redis = "", node: Node = "", run_dir: RunDir = "") -> None:
    """Put a backup in force, as `apply` does a document: validated first, and then whole.

    The record of pickups comes back where there is none yet. Calls are not touched.
    """
    provisioning, state = _read(file)
    store = reach_store(redis, node, run_dir)
    store.keyspace.begin()
    version = store.provisioning.publish(encode(provisioning))
    written = sum(store.backups.restore(domain, kept) for domain, kept in state.items())
    print(f"in force: version {version}, {_records(written)}")


def _records(count: int) -> str:
    return "1 record of pickups" if count == 1 else f"{count} records of pickups"


def _kept(store: Store, domain: Domain) -> Kept:
    groups = [account for account in domain.accounts if isinstance(account, AgentGroup)]
    agents = sorted({agent for group in groups for agent in group.agents})
    return store.backups.read(domain.name, agents, [group.number for group in groups])


def _write(file: str, text: str) -> None:
    """All or nothing, and for nobody else's eyes at any moment."""
    path = Path(file)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise CommandFailed(f"{file} cannot be written: {error.strerror}", Exit.USAGE) from error


def _read(file: str) -> tuple[Provisioning, dict[str, Kept]]:
    try:
        whole = json.loads(Path(file).read_text())
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}", Exit.USAGE) from error
    except ValueError as error:
        raise CommandFailed(f"{file} is no backup: it is not JSON; nothing was changed") from error
    if not isinstance(whole, dict) or whole.get("star87_backup") != FORMAT:
        raise CommandFailed(f"{file} is no backup of this release (star87_backup: {FORMAT}); nothing was changed")
    try:
        # JSON is YAML, as long as it says its characters plainly.
        provisioning = parse(json.dumps(whole.get("document"), ensure_ascii=False))
    except DocumentInvalid as invalid:
        for fault in invalid.faults:
            print(f"document.{fault.path}: {fault.message}" if fault.path else f"document: {fault.message}")
        raise CommandFailed(f"{file} has faults in its document; nothing was changed") from invalid
    known = {domain.name for domain in provisioning.domains}
    try:
        state = {domain: _kept_of(body) for domain, body in whole.get("state", {}).items() if domain in known}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CommandFailed(f"{file}: its state cannot be understood; nothing was changed") from error
    return provisioning, state


def _kept_of(body: dict[str, Any]) -> Kept:
    """Raises KeyError, TypeError, ValueError, AttributeError for what is none."""
    record = [[str(word) for word in entry] for entry in body["record"]]
    if any(len(entry) % 2 == 0 or len(entry) < 3 for entry in record):
        raise ValueError("an entry is an id and pairs")
    # XADD takes ids in their order only.
    ids = [tuple(int(part) for part in entry[0].split("-")) for entry in record]
    if any(len(identity) != 2 for identity in ids) or ids != sorted(set(ids)):
        raise ValueError("ids out of order")
    return Kept(
        {str(agent): bool(is_in) for agent, is_in in body["logged_in"].items()},
        {g: {str(name): int(n) for name, n in names.items()} for g, names in body["statistics"].items()},
        record,
    )

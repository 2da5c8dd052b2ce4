"""`star87 check` and `star87 apply`: validating a provisioning document, and putting it in force."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kemi.accounts.document import DocumentInvalid, Fault, parse
from kemi.accounts.model import Provisioning
from kemi.accounts.wire import encode
from kemi.cli.options import AsJson, Node, Redis, RunDir
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.output import waiting
from kemi.cli.reach import reach_store

File = Annotated[str, typer.Argument(metavar="FILE", help="The document, in YAML; - is stdin.", show_default=False)]


def check(file: File, as_json: AsJson = False) -> None:
    """Validate a provisioning document and name every fault by its path; changes nothing."""
    with waiting("validating"):
        provisioning = _parse(file, as_json)
    if as_json:
        print(json.dumps({"valid": True, "faults": [], **_counts(provisioning)}))
    else:
        print(f"valid: {_summary(provisioning)}")


def apply(file: File, redis: Redis = "", node: Node = "", run_dir: RunDir = "", as_json: AsJson = False) -> None:
    """Put a provisioning document in force, whole, without a restart and without touching calls.

    A document with any fault changes nothing: what is in force stays in force.
    """
    with waiting("validating") as now:
        provisioning = _parse(file, as_json)
        now("putting in force")
        store = reach_store(redis, node, run_dir)
        store.keyspace.begin()
        version = store.provisioning.publish(encode(provisioning))
    if as_json:
        print(json.dumps({"valid": True, "faults": [], "version": version, **_counts(provisioning)}))
    else:
        print(f"in force: version {version}, {_summary(provisioning)}")


def read_encoded(file: str) -> str:
    """A valid document as the store keeps it.

    Raises CommandFailed: not to be read (2), or with faults (1), each of which is then on stderr.
    """
    try:
        return encode(parse(_read(file)))
    except DocumentInvalid as invalid:
        _print_faults(invalid.faults, to_stderr=True)
        raise _refused(file, invalid.faults, "nothing was started") from invalid


def _parse(file: str, as_json: bool) -> Provisioning:
    try:
        return parse(_read(file))
    except DocumentInvalid as invalid:
        if as_json:
            faults = [{"path": fault.path, "message": fault.message} for fault in invalid.faults]
            print(json.dumps({"valid": False, "faults": faults}))
        else:
            _print_faults(invalid.faults, to_stderr=False)
        raise _refused(file, invalid.faults, "nothing was changed") from invalid


def _read(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}", Exit.USAGE) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{_name(file)} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _name(file: str) -> str:
    return "stdin" if file == "-" else file


def _print_faults(faults: tuple[Fault, ...], *, to_stderr: bool) -> None:
    for fault in faults:
        line = f"{fault.path}: {fault.message}" if fault.path else fault.message
        print(line, file=sys.stderr if to_stderr else sys.stdout)
    sys.stdout.flush()


def _refused(file: str, faults: tuple[Fault, ...], consequence: str) -> CommandFailed:
    many = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return CommandFailed(f"{_name(file)} has {many}; {consequence}")


def _counts(provisioning: Provisioning) -> dict[str, int]:
    return {
        "domains": len(provisioning.domains),
        "accounts": sum(len(domain.accounts) for domain in provisioning.domains),
        "trunks": len(provisioning.trunks),
    }


def _summary(provisioning: Provisioning) -> str:
    return ", ".join(
        f"{count} {name.removesuffix('s') if count == 1 else name}" for name, count in _counts(provisioning).items()
    )

"""The command `star87`: its subcommands, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from kemi.cli import (
    agents,
    backup,
    calls,
    capture,
    certificates,
    documents,
    drain,
    events,
    explain,
    migrate,
    run,
    watch,
    web,
)
from kemi.cli.doctor import command as doctor
from kemi.cli.outcome import EPILOG, CommandFailed, Exit
from kemi.errors import KeyspaceRefused, StoreUnavailable

app = typer.Typer(
    name="star87",
    help="Call pickup (*87) for carriers: run a node, provision it, and see what it does.",
    epilog=EPILOG,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in (
    ("run", run.run),
    ("check", documents.check),
    ("apply", documents.apply),
    ("calls", calls.calls),
    ("explain", explain.explain),
    ("events", events.events),
    ("watch", watch.watch),
    ("ladder", capture.ladder),
    ("web", web.web),
    ("backup", backup.backup),
    ("restore", backup.restore),
    ("migrate", migrate.migrate),
    ("drain", drain.drain),
    ("doctor", doctor.doctor),
    ("reload-certificates", certificates.reload_certificates),
):
    app.command(name, epilog=EPILOG)(command)
app.add_typer(agents.agents, name="agents")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Every error is one line on stderr."""
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        status = app(given or ["--help"], prog_name="star87", standalone_mode=False)
        sys.stdout.flush()
        return int(status or Exit.OK)
    except CommandFailed as failure:
        return _fail(failure.message, failure.code)
    except KeyspaceRefused as refusal:
        return _fail(str(refusal), Exit.NO)
    except StoreUnavailable as failure:
        return _fail(f"the state store does not answer: {failure}", Exit.UNREACHABLE)
    except typer.TyperException as failure:
        message = failure.format_message().rstrip(".")
        return _fail(f"{message}; see star87 --help", Exit.USAGE) if message else Exit.USAGE
    except BrokenPipeError:
        # `star87 events | head`: nobody reads any more, and the interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return Exit.OK


def _fail(message: str, code: Exit) -> int:
    sys.stdout.flush()
    print(f"star87: {' '.join(message.split())}", file=sys.stderr)
    return code

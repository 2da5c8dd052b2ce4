"""Commands to a running Kamailio, by its control socket."""

from __future__ import annotations

from collections.abc import Sequence

from kemi.cli import binrpc
from kemi.cli.binrpc import BinrpcError, Value
from kemi.cli.outcome import CommandFailed, Exit

ANSWER_WITHIN_S = 3.0


class ControlFailed(CommandFailed):
    """Kamailio refused a command, or did not answer it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.UNREACHABLE)


def ask(node_dir: str, *words: str | int, within_s: float = ANSWER_WITHIN_S) -> Sequence[Value]:
    """What Kamailio answers to a command; raises ControlFailed when it refuses it or says nothing in time."""
    try:
        return binrpc.ask(f"{node_dir}/ctl.sock", words, within_s)
    except BinrpcError as refusal:
        raise ControlFailed(f"Kamailio refused {words[0]}: {refusal}") from refusal
    except TimeoutError as slow:
        raise ControlFailed(f"Kamailio did not answer {words[0]} within {within_s:g} s") from slow
    except OSError as error:
        raise ControlFailed(f"Kamailio cannot be asked: {error.strerror}") from error

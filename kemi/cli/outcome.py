"""How a command ends: its exit code, and the one line it says when it fails."""

from __future__ import annotations

from enum import IntEnum

from kemi.errors import Star87Error


class Exit(IntEnum):
    """Exit codes of every command of `star87`."""

    OK = 0
    NO = 1
    """The answer is no: the document has faults, the node failed, the pickup would be refused."""
    USAGE = 2
    """The command line, a setting or a file name is wrong."""
    UNREACHABLE = 3
    """No node runs here, or its state store does not answer."""


EPILOG = "Exit codes: 0 ok, 1 the answer is no, 2 usage, 3 no node or state store reached."


class CommandFailed(Star87Error):
    """A command ends with this code, and this line on stderr that names the remedy."""

    def __init__(self, message: str, code: Exit = Exit.NO) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

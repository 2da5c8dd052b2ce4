"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Redis = Annotated[
    str,
    typer.Option(
        envvar="STAR87_REDIS_URL",
        metavar="URL",
        show_default=False,
        help="The state store: redis://user:password@host:port/db, unix:///path, redis+sentinel://… or "
        "redis+cluster://…. Everyone on this host sees a password in it, but not in the variable, "
        "nor in the file that STAR87_REDIS_PASSWORD_FILE names.",
    ),
]
Node = Annotated[
    str,
    typer.Option(envvar="STAR87_NODE", metavar="NAME", show_default=False, help="The node. Default: star87."),
]
RunDir = Annotated[
    str,
    typer.Option(
        envvar="STAR87_RUN_DIR",
        metavar="DIR",
        show_default=False,
        help="Where this host's nodes live. Default: /run/star87, or a folder of the user's own.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Domain = Annotated[
    str, typer.Option(metavar="NAME", show_default=False, help="The domain; needed when there are several.")
]

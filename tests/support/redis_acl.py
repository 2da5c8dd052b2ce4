"""The users of docker/redis/users.acl, on a real Redis."""

from __future__ import annotations

from pathlib import Path

from tests.support.redis_server import RedisServer

USERS = Path(__file__).parents[2] / "docker" / "redis" / "users.acl"

DEFAULT = "user default off ~* &* +@all"
"""Nobody is this user; but Redis itself is, when it reads back its append-only file."""
PASSWORDS = {"star87": "change-me", "star87-admin": "change-me-too"}


def users_with_default(folder: Path) -> Path:
    """The file, in a folder, but that the test itself may do everything as the default user."""
    lines = USERS.read_text().splitlines()
    assert DEFAULT in lines
    path = folder / "users.acl"
    path.write_text("".join(f"{line}\n" for line in lines if line != DEFAULT))
    return path


def as_node(server: RedisServer, user: str = "star87") -> str:
    """URL of a server by which a node, or another user, comes to it."""
    return f"unix://{user}@{server.socket}?password={PASSWORDS[user]}"

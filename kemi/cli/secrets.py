"""The state store's password: from a file into the URL, so that it stands on no command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, quote

from kemi.cli.outcome import CommandFailed, Exit
from kemi.settings import PREFIX, Settings

VARIABLE = PREFIX + "REDIS_PASSWORD_FILE"


def has_password(url: str) -> bool:
    """Whether a state store's URL has one, before the host or in the query."""
    place, _, query = url.partition("://")[2].partition("?")
    credentials = place.rpartition("@")[0]
    return ":" in credentials or any("pass" in name.lower() for name, _ in parse_qsl(query))


def with_password(settings: Settings) -> Settings:
    """The settings with the password of their file in their URL, if both are given.

    Raises CommandFailed (2): the file cannot be read or is empty, or there are two passwords.
    """
    path, url = settings.redis_password_file, settings.redis_url
    if not path or not url:
        return settings
    if has_password(url):
        raise CommandFailed(f"the state store's URL has a password, and {VARIABLE} names another", Exit.USAGE)
    try:
        password = Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CommandFailed(f"{VARIABLE}: {path} cannot be read: {why}", Exit.USAGE) from error
    if not password:
        raise CommandFailed(f"{VARIABLE}: {path} is empty", Exit.USAGE)
    return replace(settings, redis_url=_joined(url, quote(password, safe="")))


def _joined(url: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme == "unix":
        return f"{url}{'&' if '?' in url else '?'}password={password}"
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{user if at else ''}:{password}@{place}"

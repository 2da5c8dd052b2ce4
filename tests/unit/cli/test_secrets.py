"""A password for the state store: found in a URL, and put there from a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.connection import parse_url

from kemi.cli.node import settings_of
from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.secrets import has_password, with_password
from kemi.settings import Settings

HARD = 'p@ss:w/rd?&=#% "'


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis://127.0.0.1:6379/0", False),
        ("redis://star87@127.0.0.1:6379/0", False),
        ("unix:///run/redis.sock?db=1", False),
        ("", False),
        ("redis://:hush@127.0.0.1", True),
        ("rediss://star87:hush@127.0.0.1:6379/0", True),
        ("unix:///run/redis.sock?db=1&password=hush", True),
        ("redis://star87:hu@sh@127.0.0.1", True),
    ],
)
def test_given_a_url_when_looked_at_then_it_is_known_whether_it_has_a_password(url: str, found: bool) -> None:
    assert has_password(url) is found


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("redis://127.0.0.1:6379/2", None),
        ("rediss://star87@store.example.com/2", "star87"),
        ("unix:///run/redis.sock?db=2", None),
        ("unix:///run/redis.sock", None),
    ],
)
def test_given_a_file_when_its_password_is_put_into_the_url_then_redis_reads_it_out_again(
    tmp_path: Path, url: str, user: str | None
) -> None:
    file = tmp_path / "password"
    file.write_text(HARD + "\n")
    joined = with_password(Settings(redis_url=url, redis_password_file=str(file))).redis_url
    before, after = parse_url(url), parse_url(joined)  # type: ignore[no-untyped-call]
    assert after.pop("password") == HARD
    assert after == before
    assert after.get("username") == user


def test_given_no_file_or_no_url_when_joined_then_nothing_changes() -> None:
    for settings in (Settings(redis_url="redis://h"), Settings(redis_password_file="/none")):
        assert with_password(settings) == settings


@pytest.mark.parametrize(
    ("content", "url", "said"),
    [
        (None, "redis://h", "cannot be read: No such file"),
        (b"", "redis://h", "is empty"),
        (b"\xff\xfe", "redis://h", "it is no text"),
        (b"hush", "redis://:whisper@h", "names another"),
    ],
)
def test_given_a_file_with_a_fault_when_read_then_it_is_told_without_any_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, url: str, said: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("STAR87_REDIS_PASSWORD_FILE", str(file))
    with pytest.raises(CommandFailed, match=said) as raised:
        settings_of(url, "", "")
    assert raised.value.code is Exit.USAGE
    assert not any(word in raised.value.message for word in ("hush", "whisper"))

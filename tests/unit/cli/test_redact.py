import pytest

from kemi.cli.redact import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:secret@localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://star87:secret@[::1]:6379", "rediss://star87@[::1]:6379"),
        ("redis://localhost/0?password=secret&db=1", "redis://localhost/0?db=1"),
        ("unix:///run/redis.sock?password=secret", "unix:/run/redis.sock"),
        ("redis://star87:se/cret@localhost/0", "redis://star87@localhost/0"),
        ("redis://star87:se@cret@localhost/0", "redis://star87@localhost/0"),
        ("redis://star87:se?cret#x@localhost/0", "redis://star87@localhost/0"),
    ],
)
def test_given_a_url_when_shown_then_the_place_stays_and_the_password_goes(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert "cret" not in without_password(url)

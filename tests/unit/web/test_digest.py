"""HTTP Digest: what credentials prove, and how long and how often a nonce is good."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from kemi.accounts import snapshot
from kemi.accounts.directory import Directory
from kemi.accounts.model import Domain, DomainSettings, Provisioning
from kemi.settings import Settings
from kemi.web.access import Access
from kemi.web.digest import NONCE_S, WINDOW, Credentials, Nonces, challenge

# RFC 7616 §3.9.1, with the nonce and the count that stand there.
MUFASA = (
    'username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
    'response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
HA1 = hashlib.md5(b"Mufasa:http-auth@example.org:Circle of Life").hexdigest()


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_given_the_example_of_the_rfc_when_checked_then_it_is_right_for_its_method_and_password_alone() -> None:
    credentials = Credentials.parse(MUFASA)
    assert credentials.are_made_with(HA1, "GET")
    assert not credentials.are_made_with(HA1, "POST")
    assert not credentials.are_made_with(hashlib.md5(b"Mufasa:http-auth@example.org:x").hexdigest(), "GET")
    for changed in ({"uri": "/dir/"}, {"nonce": "x"}, {"nc": "00000002"}, {"cnonce": "x"}, {"response": "0" * 32}):
        assert not replace(credentials, **changed).are_made_with(HA1, "GET"), changed
    assert Credentials.parse(MUFASA.replace("8ca523", "8CA523").replace("MD5", '"md5"')).are_made_with(HA1, "GET")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (MUFASA, ""),
        (MUFASA, "Mufasa"),
        ("qop=auth, ", ""),
        ("qop=auth, ", "qop=auth-int, "),
        ("algorithm=MD5", "algorithm=SHA-256"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=00000000"),
        ("nc=00000001", "nc=0000000g"),
        ("8ca523", ""),
        ('username="Mufasa", ', ""),
        ('username="Mufasa"', "username*=UTF-8''Mufasa"),
        ("nc=00000001", "nc=00000001, nc=00000002"),
        ("nc=00000001", "nc=00000001, NC=00000002"),
        ("nc=00000001", "nc="),
    ],
)
def test_given_what_was_not_offered_or_is_malformed_when_read_then_it_is_refused(before: str, after: str) -> None:
    assert before in MUFASA
    with pytest.raises(ValueError, match=r"^(an?|no) "):
        Credentials.parse(MUFASA.replace(before, after))


@given(st.text())
def test_given_any_text_when_read_then_it_is_credentials_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        Credentials.parse(text)


def test_given_a_nonce_when_its_time_is_over_then_it_is_good_no_more_used_or_not() -> None:
    clock = Clock()
    nonces = Nonces(clock)
    used, unused = nonces.make(), nonces.make()
    assert nonces.use(used, 1)
    clock.now_s += NONCE_S - 1
    assert nonces.use(used, 2)
    clock.now_s += 1
    assert not nonces.use(used, 3)
    assert not nonces.use(unused, 1)


@pytest.mark.parametrize("forged", ["", ".", "..", "f" * 40, "ffffffffff.x." + "0" * 32, "é.é.é"])
def test_given_a_nonce_of_somebody_else_s_when_used_then_it_is_not_good(forged: str) -> None:
    nonces = Nonces(Clock())
    assert not nonces.use(forged, 1)
    assert not nonces.use(Nonces(Clock()).make(), 1)
    mine = nonces.make()
    assert not nonces.use(f"f{mine}", 1), "it cannot be made younger"
    assert not nonces.use(mine[:-1], 1)
    assert nonces.use(mine, 1)


@given(st.lists(st.integers(1, 300) | st.sampled_from([1, 2**31, 2**32 - 1]), max_size=60))
def test_given_counts_in_any_order_when_used_then_none_is_twice_and_those_in_the_window_are_once(
    counts: list[int],
) -> None:
    nonces = Nonces(Clock())
    nonce = nonces.make()
    used: set[int] = set()
    for count in counts:
        is_due = count not in used and count > max(used, default=0) - WINDOW
        assert nonces.use(nonce, count) == is_due
        used |= {count} if is_due else set()


def test_given_more_nonces_than_are_remembered_when_an_old_one_comes_again_then_it_is_stale_and_never_used_twice() -> (
    None
):
    clock = Clock()
    nonces = Nonces(clock, most=3)
    made = []
    for _ in range(6):
        clock.now_s += 1
        made.append(nonces.make())
        assert nonces.use(made[-1], 1)
    assert [nonces.use(nonce, 1) for nonce in made] == [False] * 6
    assert [nonces.use(nonce, 2) for nonce in made] == [False] * 3 + [True] * 3
    clock.now_s += 1
    assert nonces.use(nonces.make(), 1)


def test_given_a_challenge_when_it_is_a_stale_one_then_it_says_so() -> None:
    assert challenge("a.example", "n", stale=False) == (
        'Digest realm="a.example", nonce="n", algorithm=MD5, qop="auth", charset=UTF-8'
    )
    assert challenge("a.example", "n", stale=True).endswith(", stale=true")


def _realm(folder: Path, *domains: str, host: str = "127.0.0.1:8088", query: str = "") -> str:
    """Which realm is in the challenge for a request; '' none is offered."""
    path = folder / "directory.sqlite"
    snapshot.write(Provisioning(tuple(Domain(name, DomainSettings(), ()) for name in domains), ()), 1, str(path))
    directory = Directory(str(path))
    access = Access(lambda: directory, "", Settings(), lambda _: None)
    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "query_string": query.encode()}
    offered = access.challenges(Request({**scope, "headers": [(b"host", host.encode())]}))
    assert offered[-1].startswith("Basic")
    return offered[0].split('"')[1] if len(offered) == 2 else ""


def test_given_domains_when_somebody_is_challenged_then_the_realm_is_the_one_that_he_names_or_asks_at_or_the_only_one(
    tmp_path: Path,
) -> None:
    two = ("a.example", "b.example")
    assert _realm(tmp_path, *two) == ""
    assert _realm(tmp_path, *two, host="B.example:8088") == "b.example"
    assert _realm(tmp_path, *two, host="console.example") == ""
    assert _realm(tmp_path, *two, host="b.example", query="domain=A.example") == "a.example"
    assert _realm(tmp_path, "a.example") == "a.example"
    # Who asks for a domain that is none learns nothing, and can write nothing into a header.
    assert _realm(tmp_path, *two, query="domain=c.example") == "c.example"
    for odd in ("a%22,b", "a%0d%0ab", "-", "%C3%A9", "a" * 300):
        assert _realm(tmp_path, *two, query=f"domain={odd}") == "", odd

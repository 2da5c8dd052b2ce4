"""Who is calling, and that nobody names another as himself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
from kemi.errors import NotAuthorized, UnknownDomain
from kemi.routing.identity import Identity
from kemi.sip.aor import Aor
from tests.support.directories import directory_of, extension, hunt_group
from tests.support.fake_sip import DOMAIN, FakeMessage, invite


class FakeDigest:
    """Says that `user` has given good credentials; None: it sent a challenge."""

    def __init__(self, user: str | None) -> None:
        self._user = user
        self.asked: list[tuple[str, Callable[[str], str | None]]] = []

    def user(self, realm: str, ha1_of: Callable[[str], str | None]) -> str | None:
        self.asked.append((realm, ha1_of))
        return self._user


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return directory_of(tmp_path, extension("101"), extension("104"), hunt_group("700"))


def caller(request: FakeMessage, directory: Directory) -> Aor | None:
    return Identity(FakeDigest("104")).caller(request, directory)


def test_given_good_credentials_when_from_is_his_own_then_that_extension_calls(directory: Directory) -> None:
    assert caller(invite(), directory) == Aor("104", DOMAIN)
    assert caller(invite(from_user="%3104"), directory) == Aor("104", DOMAIN)


def test_given_no_credentials_when_he_calls_then_nobody_is_known(directory: Directory) -> None:
    identity = Identity(FakeDigest(None))
    assert identity.caller(invite(), directory) is None
    assert identity.registrant(FakeMessage("REGISTER"), directory) is None


def test_given_digest_when_it_asks_for_a_secret_then_only_extensions_have_one(directory: Directory) -> None:
    digest = FakeDigest("104")
    Identity(digest).caller(invite(), directory)
    ((realm, ha1_of),) = digest.asked
    account = directory.account(DOMAIN, "101")
    assert isinstance(account, Extension)
    assert realm == DOMAIN
    assert ha1_of("101") == account.ha1
    assert (ha1_of("700"), ha1_of("199"), ha1_of("10\udce9")) == (None, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"from_user": "101"},
        {"from_user": ""},
        {"from_host": "elsewhere.example.org"},
        {"from_user": "anonymous"},
        {"from_user": "104", "from_host": "anonymous.invalid"},
    ],
)
def test_given_good_credentials_when_from_names_another_then_403(fields: dict[str, str], directory: Directory) -> None:
    with pytest.raises(NotAuthorized) as refused:
        caller(invite(**fields), directory)
    assert refused.value.status == 403


def test_given_a_caller_who_withholds_his_name_when_authenticated_then_he_is_known_all_the_same(
    directory: Directory,
) -> None:
    """RFC 3323 §4.1.1.3."""
    request = invite(from_user="anonymous", from_host="anonymous.invalid")
    assert caller(request, directory) == Aor("104", DOMAIN)


def test_given_neither_end_in_a_domain_of_ours_when_called_then_403_and_no_challenge(
    directory: Directory,
) -> None:
    digest = FakeDigest("104")
    with pytest.raises(UnknownDomain):
        Identity(digest).caller(invite(from_host="a.example.org", ruri_host="b.example.org"), directory)
    with pytest.raises(UnknownDomain):
        Identity(digest).registrant(FakeMessage("REGISTER", to_host="a.example.org"), directory)
    assert digest.asked == []


@pytest.mark.parametrize("name", ["P-Asserted-Identity", "P-Preferred-Identity"])
@pytest.mark.parametrize(
    "value",
    [f"sip:104@{DOMAIN}", f"<sip:104@{DOMAIN}>", f'"Dave, Sales" <sip:104@{DOMAIN.upper()};user=phone>'],
)
def test_given_his_own_identity_when_asserted_then_it_is_taken_off(name: str, value: str, directory: Directory) -> None:
    request = invite(headers=[(name, value)])
    caller(request, directory)
    assert name in request.removed


@pytest.mark.parametrize("name", ["P-Asserted-Identity", "P-Preferred-Identity"])
@pytest.mark.parametrize(
    "value",
    [
        f"<sip:101@{DOMAIN}>",
        f"<sip:101@{DOMAIN}>, <sip:104@{DOMAIN}>",
        f"<sip:104@{DOMAIN}>, <sip:101@{DOMAIN}>",
        f"sip:104@{DOMAIN}.evil.example.org",
        "<sip:104@evil.example.org>",
        f"<sip:104@evil.example.org>;x=sip:104@{DOMAIN}",
        "<tel:+15550100>",
        "",
    ],
)
def test_given_another_identity_when_asserted_then_403(name: str, value: str, directory: Directory) -> None:
    with pytest.raises(NotAuthorized):
        caller(invite(headers=[(name, f"<sip:104@{DOMAIN}>"), (name, value)]), directory)


def test_given_good_credentials_when_another_is_registered_then_403(directory: Directory) -> None:
    identity = Identity(FakeDigest("104"))
    assert identity.registrant(FakeMessage("REGISTER", to_user="104"), directory) == Aor("104", DOMAIN)
    for number in ("101", "700", ""):
        with pytest.raises(NotAuthorized):
            identity.registrant(FakeMessage("REGISTER", to_user=number), directory)

"""Who is calling, and that nobody names another as himself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kemi.abuse.passwords import Passwords
from kemi.abuse.sources import Sources
from kemi.accounts.directory import Directory
from kemi.accounts.model import Extension
from kemi.errors import NotAuthorized, UnknownDomain
from kemi.routing.admission import Admission
from kemi.routing.identity import Identity
from kemi.settings import Settings
from kemi.sip.aor import Aor
from kemi.sip.ports import Proof
from tests.support.directories import directory_of, extension, hunt_group
from tests.support.fake_counters import Clock, FakeCounters
from tests.support.fake_sip import DOMAIN, FakeMessage, FakeScene, invite


class FakeDigest:
    """Finds credentials of `user`, worth `proof`; None: there are none."""

    def __init__(self, user: str | None, proof: Proof = Proof.GOOD) -> None:
        self._user = user
        self.proof = proof
        self.asked: list[tuple[str, str | None]] = []
        """Realm and secret of each check."""
        self.challenges: list[tuple[str, bool]] = []
        """Realm of each, and whether it said stale."""

    def user(self, realm: str) -> str:
        assert realm
        return self._user or ""

    def check(self, realm: str, ha1: str | None) -> Proof:
        assert self._user, "credentials are checked that there are none of"
        self.asked.append((realm, ha1))
        return self.proof

    def challenge(self, realm: str, *, stale: bool) -> None:
        self.challenges.append((realm, stale))


def admission_of(scene: FakeScene, directory: Callable[[], Directory], settings: Settings | None = None) -> Admission:
    """Admission of a node that has heard of nobody yet."""
    clock = Clock()
    rates, counts = FakeCounters(clock), FakeCounters(clock)
    sources = Sources(rates, counts, settings or Settings(), lambda _: None, clock)
    return Admission(
        directory, scene.proxy, scene.transaction, sources, Passwords(counts, settings or Settings(), clock)
    )


def identity_of(digest: FakeDigest, directory: Directory) -> Identity:
    return Identity(digest, admission_of(FakeScene(invite()), lambda: directory))


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return directory_of(tmp_path, extension("101"), extension("104"), hunt_group("700"))


def caller(request: FakeMessage, directory: Directory) -> Aor | None:
    return identity_of(FakeDigest("104"), directory).caller(request, directory)


def test_given_good_credentials_when_from_is_his_own_then_that_extension_calls(directory: Directory) -> None:
    assert caller(invite(), directory) == Aor("104", DOMAIN)
    assert caller(invite(from_user="%3104"), directory) == Aor("104", DOMAIN)


def test_given_no_credentials_when_he_calls_then_nobody_is_known(directory: Directory) -> None:
    digest = FakeDigest(None)
    identity = identity_of(digest, directory)
    assert identity.caller(invite(), directory) is None
    assert identity.registrant(FakeMessage("REGISTER"), directory) is None
    assert digest.challenges == [(DOMAIN, False)] * 2
    assert digest.asked == []


def test_given_digest_when_it_asks_for_a_secret_then_only_extensions_have_one(directory: Directory) -> None:
    account = directory.account(DOMAIN, "101")
    assert isinstance(account, Extension)
    for user, secret in {"101": account.ha1, "700": None, "199": None, "10\udce9": None}.items():
        digest = FakeDigest(user, Proof.WRONG)
        assert identity_of(digest, directory).caller(invite(), directory) is None
        assert digest.asked == [(DOMAIN, secret)]
        assert digest.challenges == [(DOMAIN, False)]


def test_given_a_stale_nonce_when_he_calls_then_the_challenge_says_so(directory: Directory) -> None:
    digest = FakeDigest("104", Proof.STALE)
    assert identity_of(digest, directory).caller(invite(), directory) is None
    assert digest.challenges == [(DOMAIN, True)]


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
        identity_of(digest, directory).caller(invite(from_host="a.example.org", ruri_host="b.example.org"), directory)
    with pytest.raises(UnknownDomain):
        identity_of(digest, directory).registrant(FakeMessage("REGISTER", to_host="a.example.org"), directory)
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
    identity = identity_of(FakeDigest("104"), directory)
    assert identity.registrant(FakeMessage("REGISTER", to_user="104"), directory) == Aor("104", DOMAIN)
    for number in ("101", "700", ""):
        with pytest.raises(NotAuthorized):
            identity.registrant(FakeMessage("REGISTER", to_user=number), directory)

from __future__ import annotations

import json

import pytest
from hypothesis import given

from kemi.accounts import wire
from kemi.accounts.document import parse
from kemi.accounts.model import Domain, DomainSettings, Extension, Kind, Provisioning
from tests.support.documents import example
from tests.unit.accounts.provisionings import PROVISIONINGS


@given(PROVISIONINGS)
def test_given_any_provisioning_when_encoded_and_decoded_then_it_is_the_same(
    provisioning: Provisioning,
) -> None:
    text = wire.encode(provisioning)
    back = wire.decode(text)
    assert back == provisioning
    assert wire.encode(back) == text
    for domain in back.domains:
        assert all(type(account.kind) is Kind for account in domain.accounts)


def test_given_the_example_when_encoded_then_no_password_travels_and_a_permission_is_written_once() -> None:
    text = wire.encode(parse(example()))
    assert "change-me" not in text
    assert text.isascii()
    assert json.loads(text)["permissions"].count([["103"], []]) == 1


def test_given_text_that_is_odd_unicode_when_encoded_then_it_comes_back() -> None:
    odd = Provisioning((Domain("a.example", DomainSettings(), (Extension("1", "\ud800\x00é", ""),)),))
    assert wire.decode(wire.encode(odd)) == odd


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": 2}',
        '{"format": 1, "domains": [{}], "permissions": [], "trunks": []}',
        '{"format": 1, "domains": [], "permissions": [[[]]], "trunks": []}',
        '{"format":1,"domains":[{"name":"a","settings":{"pickup_mode":"sometimes"},"accounts":[]}],'
        '"permissions":[],"trunks":[]}',
        '{"format":1,"domains":[{"name":"a","settings":{},"accounts":[[0,{"kind":"fax"}]]}],'
        '"permissions":[[[],[]]],"trunks":[]}',
    ],
)
def test_given_text_of_another_hand_when_decoded_then_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wire.decode(text)

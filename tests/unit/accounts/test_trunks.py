"""Which trunk a request comes from, and by which a number leaves."""

from __future__ import annotations

import zlib

import pytest

from kemi.accounts.model import Trunk
from kemi.accounts.trunks import TrunkTable, set_ids, telephone_number
from kemi.sip.aor import Aor


def trunk(
    name: str, *prefixes: str, sources: tuple[str, ...] = (), destinations: tuple[str, ...] = ("sip:gw",)
) -> Trunk:
    return Trunk(name, sources, destinations, (("+1555", "101@PBX.example.com"),), prefixes)


def test_given_a_listed_source_when_asked_then_it_is_that_trunk_and_its_dids_lead_to_accounts() -> None:
    table = TrunkTable([trunk("a", sources=("192.0.2.1:5060",)), trunk("b", sources=("192.0.2.1:5070",))])

    found = table.at("192.0.2.1", 5070)
    assert found is not None
    assert (found.name, found.dids) == ("b", {"+1555": Aor("101", "pbx.example.com")})


@pytest.mark.parametrize(("ip", "port"), [("192.0.2.1", 5061), ("192.0.2.2", 5060), ("2001:db8::1", 5060)])
def test_given_a_source_that_differs_in_anything_when_asked_then_it_is_nobody(ip: str, port: int) -> None:
    assert TrunkTable([trunk("a", sources=("192.0.2.1:5060", "[2001:db8::1]:5061"))]).at(ip, port) is None


@pytest.mark.parametrize("ip", ["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "[2001:0db8::0001]"])
def test_given_an_ipv6_source_when_asked_in_any_spelling_then_it_is_that_trunk(ip: str) -> None:
    assert TrunkTable([trunk("a", sources=("[2001:db8::1]:5060",))]).at(ip, 5060) is not None


@pytest.mark.parametrize(
    ("number", "name"),
    [("+4930", "long"), ("+4830", "short"), ("+49", "long"), ("+4", "short"), ("0030", "first"), ("30", ""), ("", "")],
)
def test_given_several_prefixes_when_a_number_is_dialled_then_the_longest_wins_then_the_first(
    number: str, name: str
) -> None:
    trunks = [trunk("short", "+"), trunk("long", "+49"), trunk("first", "00"), trunk("second", "00")]
    found = TrunkTable(trunks).outbound(number)
    assert (found.name if found else "") == name


def test_given_a_trunk_without_destinations_when_its_prefix_is_dialled_then_another_may_take_it() -> None:
    found = TrunkTable([trunk("deaf", "+", destinations=()), trunk("other", "+")]).outbound("+1")
    assert found is not None
    assert found.name == "other"


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+15551234", "+15551234"),
        ("00 49 (30) 12-34.5", "0049301234" + "5"),
        ("+1@evil.example.com", ""),
        ("+1;x=1", ""),
        ("+1\r\nX: y", ""),
        ("+1\n", ""),
        ("*21", ""),
        ("+", ""),
        ("1+1", ""),
        ("+" + "1" * 33, ""),
        ("٣٤", ""),
        ("", ""),
    ],
)
def test_given_what_was_dialled_when_read_then_it_is_digits_or_no_number(dialled: str, number: str) -> None:
    assert telephone_number(dialled) == number


def test_given_another_order_of_the_document_then_a_trunks_destinations_keep_their_number() -> None:
    trunks = [trunk(f"carrier {n}") for n in range(50)]
    ids = set_ids(trunks)
    assert set_ids(trunks[::-1]) == ids
    assert set_ids(trunks[3:4]) == {"carrier 3": ids["carrier 3"]}
    assert TrunkTable(trunks).set_id(trunks[7]) == ids["carrier 7"]


def test_given_two_names_of_one_checksum_then_their_destinations_are_kept_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zlib, "crc32", lambda _name: 7)
    ids = set_ids([trunk("a"), trunk("b"), trunk("c")])
    assert len(set(ids.values())) == 3

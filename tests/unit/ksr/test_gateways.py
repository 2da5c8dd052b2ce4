"""The list of destinations that dispatcher reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kemi.accounts.model import Trunk
from kemi.accounts.trunks import set_ids
from tests.support.fake_ksr import FakeKsr, install

with install():
    from kemi.ksr.gateways import KamailioGateways

RELOAD = "dispatcher.ds_reload"
FIRST = Trunk("first", (), ("sip:192.0.2.1:5060", "sip:192.0.2.2;transport=tcp"), (), ("+",))
SECOND = Trunk("second # 1", (), ("sip:192.0.2.9",), (), ("00",))


def test_given_trunks_when_installed_then_each_destination_has_a_line_and_the_first_goes_before_the_next(
    tmp_path: Path,
) -> None:
    fake = FakeKsr()
    fake.answer(RELOAD, 1)
    with install(fake):
        KamailioGateways(str(tmp_path / "list")).install([FIRST, SECOND])

    ids = set_ids([FIRST, SECOND])
    assert (tmp_path / "list").read_text() == (
        f"{ids['first']} sip:192.0.2.1:5060 0 2\n"
        f"{ids['first']} sip:192.0.2.2;transport=tcp 0 1\n"
        f"{ids['second # 1']} sip:192.0.2.9 0 1\n"
    )
    assert os.listdir(tmp_path) == ["list"]


def test_given_the_same_trunks_when_installed_again_then_what_is_known_to_be_down_stays_so(tmp_path: Path) -> None:
    fake = FakeKsr()
    fake.answer(RELOAD, 1)
    gateways = KamailioGateways(str(tmp_path / "list"))
    with install(fake):
        for trunks in ([FIRST], [FIRST], [FIRST, SECOND], []):
            gateways.install(trunks)
    assert len(fake.called(RELOAD)) == 3
    assert (tmp_path / "list").read_text() == ""


def test_given_a_list_that_dispatcher_refuses_when_installed_then_it_is_an_error_and_tried_again(
    tmp_path: Path,
) -> None:
    fake = FakeKsr()
    fake.answer(RELOAD, -1, 1)
    gateways = KamailioGateways(str(tmp_path / "list"))
    with install(fake):
        with pytest.raises(OSError, match="did not take"):
            gateways.install([FIRST])
        gateways.install([FIRST])
    assert len(fake.called(RELOAD)) == 2


def test_given_a_list_of_a_run_before_when_the_node_starts_then_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("1 sip:192.0.2.1 0 1\n")
    KamailioGateways(str(tmp_path / "list")).prepare()
    assert (tmp_path / "list").read_text() == ""

"""Who may watch: SUBSCRIBE as a worker answers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.accounts.model import DomainSettings
from kemi.errors import MayNotWatch, NoSuchAccount, NoSuchDialog, RequestRefused
from kemi.lamps.watching import watched_account
from kemi.sip.aor import Aor
from tests.support.directories import directory_of, extension
from tests.support.fake_sip import DOMAIN, FakeMessage
from tests.unit.routing.node import Node

WATCHER = Aor("104", DOMAIN)


@pytest.mark.parametrize(
    ("number", "hides", "refusal"),
    [
        ("101", False, None),
        ("102", False, None),
        ("103", False, MayNotWatch),
        ("109", False, NoSuchAccount),
        ("101", True, None),
        ("103", True, MayNotWatch),
        ("109", True, MayNotWatch),
    ],
)
def test_given_an_account_when_watched_then_who_may_see_it_passes_and_hidden_ones_are_as_if_not_there(
    number: str, hides: bool, refusal: type[RequestRefused] | None, tmp_path: Path
) -> None:
    directory = directory_of(
        tmp_path,
        extension("101", monitored_by=("10*",)),
        extension("102", seen_by=("104",)),
        extension("103"),
        settings=DomainSettings(hide_accounts=hides),
    )
    if refusal is None:
        assert watched_account(directory, WATCHER, number).number == number
    else:
        with pytest.raises(refusal) as refused:
            watched_account(directory, WATCHER, number)
        assert number not in refused.value.warning


def subscribe(event: str = "dialog", **changed: object) -> FakeMessage:
    message = FakeMessage("SUBSCRIBE", **changed)  # type: ignore[arg-type]
    message.headers += [("Event", event), ("From", "<sip:104@x>;tag=a"), ("To", "<sip:101@x>")]
    return message


def test_given_a_watcher_when_he_subscribes_then_it_is_written_down_and_no_phone_hears_of_it(tmp_path: Path) -> None:
    node = Node(tmp_path, subscribe("dialog;id=9;x=y"))
    node.route()
    ((status, _, headers),) = node.scene.transaction.replies
    assert (status, node.relays) == (200, 0)
    assert headers[1] == "Expires: 3600"
    (known,) = node.book.everybody()
    assert (known.number, known.watcher, known.event, known.local) == (
        *("101", "104", "dialog;id=9"),
        "<sip:101@x>;tag=own-tag",
    )


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (subscribe("presence"), 489),
        (FakeMessage("SUBSCRIBE"), 400),
        (subscribe(contact_uri=""), 400),
        (subscribe(ruri_user="700"), 403),
    ],
)
def test_given_what_cannot_be_when_subscribed_then_nothing_is_written_down(
    message: FakeMessage, status: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, message)
    try:
        node.route()
        given = node.scene.transaction.replies[0][0]
    except RequestRefused as refusal:
        given = refusal.status
    assert (given, node.book.everybody(), node.relays) == (status, [], 0)


def test_given_somebody_else_s_subscription_when_renewed_then_481(tmp_path: Path) -> None:
    node = Node(tmp_path, subscribe())
    node.route()
    again = subscribe(to_tag="own-tag", cseq="2")
    with pytest.raises(NoSuchDialog):
        node.watching.renew(again, Aor("101", DOMAIN))
    assert node.watching.holds(again)
    assert not node.watching.holds(subscribe(to_tag="another"))


@pytest.mark.parametrize(("status", "left"), [(481, 0), (408, 0), (603, 0), (500, 1), (503, 1)])
def test_given_a_notify_that_failed_when_heard_then_only_a_passing_fault_leaves_the_subscription(
    status: int, left: int, tmp_path: Path
) -> None:
    node = Node(tmp_path, subscribe())
    node.route()
    node.scene.at_hand = FakeMessage("NOTIFY", from_tag="own-tag", to_tag="caller-tag")
    node.scene.transaction.final_status = status
    node.watching.not_taken()
    assert len(node.book.everybody()) == left

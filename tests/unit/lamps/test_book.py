"""The subscriptions of a node: shared by its processes, and there again when it starts anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from kemi.lamps.book import Book
from kemi.lamps.subscription import Subscription


def subscription(key: str = "k", **changed: object) -> Subscription:
    words = {
        "key": key,
        "domain": "pbx.example.com",
        "number": "101",
        "watcher": "103",
        "call_id": "c",
        "local": "<sip:101@pbx.example.com>;tag=own",
        "remote": "<sip:103@pbx.example.com>;tag=his",
        "contact": "<sip:101@192.0.2.9:5060;transport=udp>",
        "target": "sip:103@192.0.2.3:5062",
        "flow": "udp:192.0.2.3:5062/udp:192.0.2.9:5060",
        "routes": "<sip:192.0.2.7;lr>\n<sip:192.0.2.8;lr>",
        "event": "dialog",
        "expires_at_s": 1000.5,
        "remote_cseq": 2,
        **changed,
    }
    return Subscription(**words)  # type: ignore[arg-type]


@pytest.fixture
def books(tmp_path: Path) -> tuple[Book, Book]:
    """As two processes have them."""
    path = str(tmp_path / "lamps.sqlite")
    return Book(path), Book(path)


def test_given_a_subscription_when_begun_then_another_process_hears_it_once(books: tuple[Book, Book]) -> None:
    worker, notifier = books
    worker.begin(subscription())
    assert notifier.news() == [(subscription(), False)]
    assert notifier.news() == []
    assert worker.find("k") == subscription()
    assert worker.find("other") is None


def test_given_what_he_was_told_when_he_renews_then_the_counts_stay(books: tuple[Book, Book]) -> None:
    worker, notifier = books
    worker.begin(subscription())
    notifier.news()
    notifier.told([subscription(cseq=7, version=6)], ())
    worker.renew(subscription(expires_at_s=2000.0, target="sip:103@192.0.2.3:6000"))
    ((heard, gone),) = notifier.news()
    assert (heard.cseq, heard.version, heard.expires_at_s, heard.target, gone) == (
        *(7, 6, 2000.0, "sip:103@192.0.2.3:6000"),
        False,
    )


def test_given_a_node_that_starts_anew_when_asked_then_all_are_there_as_they_were_left(
    books: tuple[Book, Book], tmp_path: Path
) -> None:
    worker, notifier = books
    for key in ("a", "b", "c"):
        worker.begin(subscription(key))
    notifier.news()
    notifier.told([subscription("a", cseq=3, version=2)], ("b",))
    worker.lose("c")
    (left,) = Book(str(tmp_path / "lamps.sqlite")).everybody()
    assert (left.key, left.cseq, left.version) == ("a", 3, 2)


def test_given_a_lost_watcher_when_asked_then_he_is_found_no_more(books: tuple[Book, Book]) -> None:
    worker, notifier = books
    worker.begin(subscription())
    notifier.news()
    worker.lose("k")
    assert worker.find("k") is None
    assert [(heard.key, gone) for heard, gone in notifier.news()] == [("k", True)]


def test_given_a_book_of_another_release_when_opened_then_it_is_begun_anew(tmp_path: Path) -> None:
    import sqlite3

    path = str(tmp_path / "lamps.sqlite")
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE subscription (something)")
        old.execute("PRAGMA user_version = 99")
    assert Book(path).everybody() == []

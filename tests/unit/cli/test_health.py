"""The health pages over a real socket: what is answered, and that nobody can hold them up."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from kemi.cli import health
from kemi.cli.health import Check, Health, HealthServer
from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

WELL = Health.of([Check("sip", True, "answers")], "ready")


class Pages:
    """A server of one page, and how often its node was looked at."""

    def __init__(self) -> None:
        self.port = free_port()
        self.looks = 0
        self.found = WELL
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked = 0
        self.server = HealthServer(LOOPBACK, self.port, {"/readyz": self._look})
        looked = self.server._looked

        async def counted(path: str, look: health.Look) -> health.Page:
            # In the step of the loop in which the request has been read: an open connection alone says nothing.
            self.asked += 1
            return await looked(path, look)

        self.server._looked = counted  # type: ignore[method-assign]

    def get(self, path: str = "/readyz", method: str = "GET") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, text: bytes) -> bytes:
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as client:
            client.sendall(text)
            return client.recv(65535)

    def _look(self) -> Health:
        self.looks += 1
        assert self.go_on.wait(10)
        return self.found


@pytest.fixture
def pages() -> Iterator[Pages]:
    pages = Pages()
    pages.server.start()
    yield pages
    pages.go_on.set()
    pages.server.stop()


@pytest.mark.parametrize(
    ("checks", "status", "http_status"),
    [
        ([Check("sip", True, ""), Check("store", True, "", needed=False)], "ready", 200),
        ([Check("sip", True, ""), Check("store", False, "", needed=False)], "degraded", 200),
        ([Check("sip", False, ""), Check("store", True, "", needed=False)], "not ready", 503),
        ([Check("sip", False, ""), Check("store", False, "", needed=False)], "not ready", 503),
    ],
)
def test_given_checks_when_summed_up_then_only_what_is_needed_makes_a_node_unready(
    pages: Pages, checks: list[Check], status: str, http_status: int
) -> None:
    pages.found = Health.of(checks, "ready")
    code, body = pages.get()
    assert (code, json.loads(body)["status"]) == (http_status, status)


def test_given_a_page_when_asked_for_then_each_check_has_its_reason(pages: Pages) -> None:
    code, body = pages.get("/readyz?verbose")
    assert (code, json.loads(body)) == (
        200,
        {"status": "ready", "checks": {"sip": {"ok": True, "reason": "answers"}}},
    )
    assert pages.get(method="HEAD") == (200, b"")


def test_given_what_is_no_question_when_asked_then_it_is_told_so_and_the_node_is_not_looked_at(pages: Pages) -> None:
    assert pages.get("/other")[0] == 404
    assert pages.get(method="POST")[0] == 405
    assert pages.raw(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert pages.raw(b"\xff\xfe / \r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert pages.raw(b"GET /readyz HTTP/1.1\r\nX: " + b"x" * 2 * health.REQUEST_BYTES_MOST).startswith(b"HTTP/1.1 400 ")
    assert pages.looks == 0


def test_given_many_who_ask_at_once_when_the_look_takes_time_then_the_node_is_looked_at_once(pages: Pages) -> None:
    pages.go_on.clear()
    answers: list[int] = []
    askers = [threading.Thread(target=lambda: answers.append(pages.get()[0])) for _ in range(20)]
    for asker in askers:
        asker.start()
    until(lambda: pages.asked == 20, what="20 who ask")
    pages.go_on.set()
    for asker in askers:
        asker.join(5)
    assert (answers, pages.looks) == ([200] * 20, 1)


def test_given_who_sends_nothing_when_there_are_many_then_they_are_cut_off_and_others_are_answered(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "REQUEST_WITHIN_S", 1.0)
    began = time.monotonic()
    idle = [socket.create_connection((LOOPBACK, pages.port), timeout=5) for _ in range(health.CONNECTIONS_MOST - 1)]
    try:
        idle[0].sendall(b"GET /rea")
        assert pages.get()[0] == 200, "the last place is free"
        # No answer at all, and soon.
        assert [client.recv(100) for client in idle] == [b""] * len(idle)
        assert time.monotonic() - began < 4
    finally:
        for client in idle:
            client.close()
    assert pages.get()[0] == 200


def test_given_more_connections_than_are_held_when_another_comes_then_it_is_closed_at_once(pages: Pages) -> None:
    idle = [socket.create_connection((LOOPBACK, pages.port), timeout=5) for _ in range(health.CONNECTIONS_MOST)]
    try:
        until(lambda: pages.server._open == health.CONNECTIONS_MOST, what="all places taken")
        with socket.create_connection((LOOPBACK, pages.port), timeout=5) as one_more:
            assert one_more.recv(100) == b""
    finally:
        for client in idle:
            client.close()


def test_given_an_address_in_use_when_started_then_it_is_told(pages: Pages) -> None:
    with pytest.raises(OSError, match="in use"):
        HealthServer(LOOPBACK, pages.port, {}).start()

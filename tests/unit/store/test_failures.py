"""How far each answer of a Redis that refuses reaches."""

from __future__ import annotations

from typing import Any, cast

import pytest
import redis
from redis.connection import DefaultParser

from kemi.store.failures import Failure, failure_of, moved_to, told


def parsed(answer: str) -> Exception:
    """What redis-py makes of it."""
    return cast(Exception, cast(Any, DefaultParser).parse_error(answer))


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("ERR wrong number of arguments", Failure.ONE),
        ("WRONGTYPE Operation against a key", Failure.ONE),
        ("ASK 7 127.0.0.1:7001", Failure.MOVING),
        ("TRYAGAIN Multiple keys request during rehashing of slot", Failure.MOVING),
        ("MOVED 7 127.0.0.1:7001", Failure.ELSEWHERE),
        ("OOM command not allowed when used memory > 'maxmemory'.", Failure.FULL),
        ("READONLY You can't write against a read only replica.", Failure.NOT_MASTER),
        ("MASTERDOWN Link with MASTER is down", Failure.NOT_MASTER),
        ("CLUSTERDOWN Hash slot not served", Failure.DOWN),
        ("LOADING Redis is loading the dataset in memory", Failure.DOWN),
        ("BUSY Redis is busy running a script.", Failure.DOWN),
        ("MISCONF Redis is configured to save RDB snapshots", Failure.DOWN),
        ("NOREPLICAS Not enough good replicas to write.", Failure.DOWN),
        ("NOAUTH Authentication required.", Failure.UNAUTHORIZED),
        ("WRONGPASS invalid username-password pair", Failure.UNAUTHORIZED),
        ("NOPERM this user has no permissions", Failure.UNAUTHORIZED),
        ("ERR ACL failure in script: no permission", Failure.UNAUTHORIZED),
    ],
)
def test_given_an_error_of_redis_when_it_is_judged_then_it_reaches_no_further_than_it_must(
    answer: str, failure: Failure
) -> None:
    assert failure_of(parsed(answer)) is failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (redis.TimeoutError("read"), Failure.SILENT),
        (TimeoutError("handshake"), Failure.SILENT),
        (redis.ConnectionError("closed"), Failure.DOWN),
        (BlockingIOError(11, "backlog"), Failure.DOWN),
    ],
)
def test_given_an_error_of_a_connection_when_it_is_judged_then_only_what_waited_is_silence(
    error: Exception, failure: Failure
) -> None:
    assert failure_of(error) is failure


def test_given_a_refusal_when_it_is_told_then_its_code_and_a_remedy_are_there() -> None:
    full = parsed("OOM command not allowed when used memory > 'maxmemory'.")
    assert told(full, failure_of(full)).startswith("the state store refuses: OOM command not allowed")
    assert "raise its maxmemory" in told(full, failure_of(full))
    gone = redis.ConnectionError("closed")
    assert told(gone, failure_of(gone)) == "the state store does not answer: closed"


def test_given_moved_when_it_is_read_then_host_and_port_are_known_and_else_nothing_is() -> None:
    assert moved_to(parsed("MOVED 7 127.0.0.1:7001")) == ("127.0.0.1", 7001)
    assert moved_to(parsed("MOVED 7 :7001")) == ("", 7001)
    assert moved_to(parsed("ASK 7 127.0.0.1:7001")) is None

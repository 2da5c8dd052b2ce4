"""What the doctor makes of what it sees."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kemi.cli.doctor.finding import State
from kemi.cli.doctor.host import end_of, look_at_certificate, look_at_modules
from kemi.cli.doctor.store import look_at_redis, look_at_url
from kemi.cli.kamailio_figures import gateways_of
from kemi.cli.outcome import CommandFailed
from kemi.settings import Settings
from kemi.store.server import Figures

GOOD = Figures((7, 0, 15), 0, "", True, False, "master")


@pytest.mark.parametrize(
    ("figures", "check", "state"),
    [
        (Figures((6, 2, 1), 0, "", True, False, "master"), "redis", State.WRONG),
        (Figures((7, 0, 1), 0, "", True, False, "slave"), "redis", State.WRONG),
        (Figures((7, 0, 1), 1 << 20, "volatile-ttl", True, False, "master"), "memory", State.WRONG),
        (Figures((7, 0, 1), 0, "", False, False, "master"), "persistence", State.NOTE),
        (Figures((7, 0, 1), 0, "", None, False, "master"), "persistence", State.NOTE),
        (Figures((7, 0, 1), 0, "", True, True, "master"), "persistence", State.WRONG),
    ],
)
def test_given_a_redis_with_a_fault_when_looked_at_then_that_fault_alone_is_found(
    figures: Figures, check: str, state: State
) -> None:
    bad = [(finding.check, finding.state) for finding in look_at_redis(figures, is_private=False) if finding.remedy]
    assert bad == [(check, state)]


def test_given_a_redis_that_is_well_when_looked_at_then_nothing_is_found() -> None:
    limited = Figures((8, 0, 2), 1 << 30, "", True, False, "master")
    unlimited_evicting = Figures((7, 0, 15), 0, "allkeys-lru", True, False, "master")
    for figures in (GOOD, limited, unlimited_evicting):
        assert {finding.state for finding in look_at_redis(figures, is_private=False)} == {State.OK}
    nothing_kept = Figures((7, 0, 15), 0, "", False, False, "master")
    assert {finding.state for finding in look_at_redis(nothing_kept, is_private=True)} == {State.OK}


@pytest.mark.parametrize(
    ("url", "states"),
    [
        ("redis://192.0.2.1:6379", [State.WRONG]),
        ("redis://:secret@192.0.2.1:6379", [State.NOTE]),
        ("redis://star87:secret@192.0.2.1:6379", []),
        ("redis://127.0.0.1:6379/0", []),
        ("redis+sentinel://127.0.0.1:1,192.0.2.1:2/s", [State.WRONG]),
        ("redis+sentinel://star87:secret@192.0.2.1,192.0.2.2/s", []),
        ("unix:///run/redis.sock", []),
    ],
)
def test_given_a_url_when_looked_at_then_it_is_told_whether_anybody_may_come(url: str, states: list[State]) -> None:
    found = list(look_at_url(url))
    assert [finding.state for finding in found] == states
    assert "secret" not in str(found)


def test_given_modules_that_are_missing_when_looked_at_then_the_packages_are_named(tmp_path: Path) -> None:
    (tmp_path / "tm.so").touch()
    assert look_at_modules(["tm"], tmp_path).state is State.OK
    finding = look_at_modules(["tm", "tls", "app_python3"], tmp_path)
    assert (finding.state, finding.remedy) == (
        State.WRONG,
        "apt-get install kamailio-python3-modules kamailio-tls-modules",
    )


def test_given_a_certificate_when_time_goes_on_then_it_is_well_then_soon_over_then_over(tmp_path: Path) -> None:
    certificate, key = tmp_path / "a.crt", tmp_path / "a.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "90", "-subj", "/CN=a", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    settings = Settings(tls_certificate=str(certificate), tls_private_key=str(key))
    end = end_of(str(certificate))
    assert timedelta(days=89) < end - datetime.now(UTC) < timedelta(days=91)
    for before, state in (
        (timedelta(days=15), State.OK),
        (timedelta(days=13), State.NOTE),
        (-timedelta(1), State.WRONG),
    ):
        (finding,) = look_at_certificate(settings, None, end - before)
        assert finding.state is state
    with pytest.raises(CommandFailed):
        end_of(str(key))


def test_given_what_kamailio_lists_when_read_then_each_destination_is_up_or_not() -> None:
    one = {"SET": {"ID": 1, "TARGETS": {"DEST": {"URI": "sip:a", "FLAGS": "AP", "PRIORITY": 1}}}}
    listed = [{"NRSETS": 2, "RECORDS": [one, {"SET": {"ID": 2, "TARGETS": {"DEST": {"URI": "sip:b", "FLAGS": "IP"}}}}]}]
    assert list(gateways_of(listed)) == [("sip:a", True), ("sip:b", False)]
    assert list(gateways_of([])) == []

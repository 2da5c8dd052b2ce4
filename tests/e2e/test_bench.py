"""`make bench` in small: what it compares runs, calls go through all of it, and pickups are measured."""

from __future__ import annotations

from pathlib import Path

from tests.load.bench import pickups, plain_calls, proxies


def test_given_the_proxies_that_the_bench_compares_when_each_is_called_then_every_call_goes_through(
    evidence: Path,
) -> None:
    with proxies.all_of_them(evidence) as compared:
        done = {name: plain_calls.load(proxy, rate=20, duration_s=1) for name, proxy in compared.items()}
        left = {name: proxy.node.keys(proxy.people.domain) for name, proxy in compared.items() if proxy.node}

    assert list(done) == ["star87", "untracked", "native", "native_tlsf"]
    assert {name: load.failed for name, load in done.items()} == dict.fromkeys(done, 0)
    assert all(load.us_per_call[0] > 0 for load in done.values())
    assert [name for name, load in done.items() if load.us_per_call[1]] == ["star87", "untracked"]
    assert left["star87"], "its calls were tracked"
    assert left["untracked"] == []


def test_given_ringing_calls_when_pickups_among_them_are_measured_then_each_one_succeeds(evidence: Path) -> None:
    with pickups.offices(evidence, {"some": pickups.Size(accounts=20, distinct=4, ringing=200)}) as office:
        one = office["some"]
        assert 200 < one.bytes_per_call.median < 4000
        ms = pickups.medians({"pickup": one.pickup_ms, "call": one.call_ms}, rounds=2, times=3)
        outcomes = {event.outcome for event in one.node.events(pickups.DOMAIN)}
        assert len(one.node.star87("calls")) == 200

    assert outcomes == {"picked_up"}
    assert all(value > 0 for samples in ms.values() for value in samples.values)

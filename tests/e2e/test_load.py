"""The operator's load tools, each for a few seconds on a real node."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.load import load, soak
from tests.support import documents
from tests.support.load.people import invented
from tests.support.node import Node
from tests.support.ports import LOOPBACK, free_port

# The tools are looked at here, not how fast this host is: a store that waits for its turn is no failure.
PATIENT = ("--set", "STAR87_REDIS_TIMEOUT_MS=5000", "--set", "STAR87_REPLACES_SILENCE_MS=10000")


def test_given_a_node_of_its_own_when_pickups_are_played_at_a_rate_then_each_is_measured_and_complete(
    evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = load.main(["--kind", "pickups", "--rate", "20", "--duration", "1", "--folder", str(evidence), *PATIENT])
    told = json.loads(capsys.readouterr().out)
    assert status == 0, told
    assert (told["calls"], told["failed"], told["refused"]) == (20, 0, {})
    assert told["answer_seizure_ratio"] == 1
    assert 0 < told["pickups_per_s"] <= 20
    for name in ("post_dial_ms", "picked_up_ms", "picked_up_dialled_ms"):
        of = told[name]
        assert 0 < of["p50"] <= of["p95"] <= of["p99"] <= of["max"], name
    assert told["picked_up_ms"]["p50"] < told["picked_up_dialled_ms"]["p50"], "the challenge takes time, too"
    assert all(told["cpu_us_per_call"][process] > 0 for process in ("kamailio", "redis"))
    assert json.loads((evidence / "result.json").read_text()) == {k: v for k, v in told.items() if k != "target"}
    for name, lines in (("calls.csv", 20), ("pickups.csv", 20)):
        with (evidence / name).open() as file:
            assert len(list(csv.DictReader(file))) == lines
    with (evidence / "seconds.csv").open() as file:
        assert sum(int(row["complete"]) for row in csv.DictReader(file)) == 20


def test_given_somebody_elses_node_when_load_is_put_on_it_then_trunk_and_users_are_played_and_a_refusal_is_a_failure(
    evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trunk = f"{LOOPBACK}:{free_port()}"
    people, document = invented(4, [trunk])
    with Node(evidence / "node", document, environment={"STAR87_REDIS_TIMEOUT_MS": "5000"}) as node:
        rest = ["--target", node.address, "--users", str(node.document), "--rate", "10", "--duration", "0.5"]
        assert load.main([*rest, "--kind", "calls", "--folder", str(evidence / "calls")]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["target"], told["calls"], told["failed"]) == (node.address, 5, 0)
        assert "cpu_us_per_call" not in told

        wrong = evidence / "users.csv"
        ends = (people.extensions[0], people.extensions[-1])
        wrong.write_text("number,password\n" + "".join(f"{p.number},{p.password}\n" for p in ends))
        given = ["--target", node.address, "--users", str(wrong), "--domain", people.domain, "--kind", "digest"]
        few = ["--rate", "10", "--duration", "0.3"]
        assert load.main([*given, *few, "--folder", str(evidence / "digest")]) == 0
        assert json.loads(capsys.readouterr().out)["failed"] == 0
        wrong.write_text(f"number,password\n{ends[0].number},{ends[0].password}\n{ends[1].number},wrong\n")
        assert load.main([*given, *few, "--folder", str(evidence / "wrong")]) == 1
        told = json.loads(capsys.readouterr().out)
        assert (told["calls"], told["failed"], told["answer_seizure_ratio"]) == (3, 3, 0)
        assert told["refused"] == {"407": 3}


def test_given_a_target_that_does_not_answer_when_load_is_put_on_it_then_the_place_and_the_remedy_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = tmp_path / "provision.yaml"
    users.write_text(documents.example())
    nobody = f"{LOOPBACK}:{free_port()}"
    given = ["--target", nobody, "--users", str(users), "--kind", "digest", "--folder", str(tmp_path / "out")]
    assert load.main(given) == 2
    assert f"load: TARGET={nobody}: no SIP answer over UDP" in capsys.readouterr().err
    assert load.main(["--target", "nowhere", "--users", str(users)]) == 2
    assert "load: TARGET=nowhere: must be ADDRESS:PORT" in capsys.readouterr().err
    assert load.main(["--rate", "0"]) == 2
    assert not (tmp_path / "out").exists()


def test_given_a_node_when_it_is_soaked_for_a_moment_then_its_memory_is_sampled_and_nothing_is_left_of_the_calls(
    evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = soak.main(["--minutes", "0.02", "--rate", "20", "--warm", "0", "--folder", str(evidence), *PATIENT])
    told = json.loads(capsys.readouterr().out)
    assert status == 0, told
    assert (told["calls"], told["pickups"], told["queue_callers"], told["failed"]) == (17, 6, 1, 0)
    assert (told["at_rest"]["left_keys"], told["grows"]) == (0, [])
    with (evidence / "samples.csv").open() as file:
        samples = list(csv.DictReader(file))
    assert len(samples) == told["samples"] > 5
    assert int(samples[-1]["transactions"]) > int(samples[0]["transactions"])
    assert all(int(value) > 0 for name, value in samples[-1].items() if name.startswith(("private_", "pkg_", "pss_")))

"""`star87 doctor` on real deployments: each fault is found, and nothing is found where there is none."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import documents
from tests.support.certificate import make_certificate
from tests.support.node import STAR87
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_acl import as_node, users_with_default
from tests.support.redis_server import RedisServer, TcpRedis
from tests.support.run import Run
from tests.support.until import until

DOMAIN = "pbx.example.com"
Found = dict[str, tuple[str, str]]
"""State and remedy by what was said."""


def examined(*words: str, status: int | None = None) -> Found:
    """What the doctor finds; nothing is wrong where the exit status is 0."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("STAR87_")}
    done = subprocess.run([str(STAR87), "doctor", "--json", *words], capture_output=True, text=True, env=clean)
    assert done.returncode in (0, 1), done.stderr
    found = {
        f"{entry['check']}: {entry['said']}": (entry["state"], entry["remedy"]) for entry in json.loads(done.stdout)
    }
    assert done.returncode == any(state == "wrong" for state, _ in found.values())
    assert all(bool(remedy) == (state != "ok") for state, remedy in found.values()), "each has its remedy"
    if status is not None:
        assert done.returncode == status, found
    return found


def place(run: Run) -> tuple[str, ...]:
    return "--run-dir", str(run.folder), "--node", run.name


def bad(found: Found) -> set[str]:
    return {said for said, (state, _) in found.items() if state != "ok"}


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        run.clean_up()


def test_given_a_node_that_is_well_when_examined_then_nothing_is_found(evidence: Path, runs: list[Run]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gateway:
        gateway.bind((LOOPBACK, 0))
        at = gateway.getsockname()[1]
        document = documents.example().replace(
            'destinations: ["sip:127.0.0.2:5060"]', f'destinations: ["sip:{LOOPBACK}:{at}"]'
        )
        runs.append(run := Run(evidence, free_port(), document=document))
        run.await_ready()
        found = examined(*place(run), status=0)
    assert bad(found) == set()
    assert {said.partition(":")[0] for said in found} == {
        *("programs", "modules", "node", "addresses", "trunks", "store", "redis", "memory", "persistence"),
        *("keyspace", "functions", "clock", "provisioning", "permissions", "agents"),
    }
    shown = run.star87("doctor")
    assert shown.returncode == 0
    assert shown.stdout.endswith(f"0 wrong, 0 worth a look, {len(found)} well\n")


def test_given_accounts_and_trunks_with_faults_when_examined_then_each_is_named_with_its_remedy(
    evidence: Path, runs: list[Run]
) -> None:
    document = yaml.safe_load(documents.example())
    domain, trunk = document["domains"][0], document["trunks"][0]
    extensions = {extension["number"]: extension for extension in domain["extensions"]}
    extensions["104"]["monitored_by"] = ["77*"]
    extensions["105"] |= {"monitored_by": ["103"], "monitored_without_pickup": ["*"]}
    silent = f"sip:127.0.0.9:{free_port()}"
    trunk["destinations"] = [silent]
    environment = {"STAR87_GATEWAY_PROBE_S": "1"}
    runs.append(run := Run(evidence, free_port(), document=yaml.safe_dump(document), environment=environment))
    run.await_ready()
    for agent in ("104", "105"):
        assert run.star87("agents", "logout", agent, "--domain", DOMAIN).returncode == 0
    expected = {
        f"permissions: 104@{DOMAIN} names 77*, and no extension is that",
        f"permissions: nobody may pick up from 104@{DOMAIN}, though monitored_by is not empty",
        f"permissions: nobody may pick up from 105@{DOMAIN}, though monitored_by is not empty",
        f"agents: no agent of 800@{DOMAIN} is logged in: its callers overflow, or hear 480",
    }
    assert bad(examined(*place(run))) >= expected
    until(
        lambda: examined(*place(run)).get(f"trunks: {silent} is silent", ("", ""))[0] == "wrong",
        within_s=40,
        what="the silent gateway",
    )
    found = examined(*place(run), status=1)
    assert bad(found) == {*expected, f"trunks: {silent} is silent"}
    assert run.star87("agents", "login", "104", "--domain", DOMAIN).returncode == 0
    assert not any(said.startswith("agents: no agent") for said in examined(*place(run)))


def test_given_a_redis_that_drops_keys_and_keeps_nothing_when_examined_then_it_is_told(
    evidence: Path, runs: list[Run]
) -> None:
    with TcpRedis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as store:
        runs.append(run := Run(evidence, free_port(), "--redis", store.url))
        run.await_ready()
        found = examined(*place(run), status=1)
        assert found["memory: when it is full it drops keys (allkeys-lru): calls"] == (
            "wrong",
            "CONFIG SET maxmemory-policy noeviction",
        )
        assert any(said.startswith("persistence: nothing is written to disk") for said in bad(found))
        with store.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("appendonly", "yes")
        found = examined(*place(run), status=0)
        assert {said for said in bad(found) if said.startswith(("memory", "persistence"))} == set()


def test_given_a_store_that_is_away_or_empty_when_examined_then_what_cannot_be_known_is_not_told(
    evidence: Path,
) -> None:
    with TcpRedis() as store:
        found = examined("--redis", store.url, "--run-dir", str(evidence), status=1)
        assert "provisioning: no provisioning document is in force; star87 apply FILE" in bad(found)
        store.kill()
        found = examined("--redis", store.url, "--run-dir", str(evidence), status=1)
        (said,) = (said for said, (state, _) in found.items() if state == "wrong")
        assert said.startswith(f"store: {store.url} does not answer: ")
        assert not any(said.startswith(("keyspace", "functions", "permissions")) for said in found)


def test_given_the_user_of_nodes_when_examined_then_only_what_he_may_not_ask_is_left_open(
    evidence: Path, runs: list[Run]
) -> None:
    with RedisServer("--aclfile", str(users_with_default(evidence))) as server:
        runs.append(run := Run(evidence, free_port(), environment={"STAR87_REDIS_URL": as_node(server)}))
        run.await_ready()
        found = examined(*place(run), status=0)
        assert "redis: this user may not ask INFO: version, memory and persistence are not known" in bad(found)
        assert {state for said, (state, _) in found.items() if said.startswith(("functions", "clock", "keyspace"))} == {
            "ok"
        }
        assert "change-me" not in json.dumps(found), "no password"
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "star87", "-fcall")
        found = examined(*place(run), status=1)
        assert any(said.startswith("functions: ") for said in bad(found))


def test_given_certificates_when_examined_then_their_end_and_their_key_are_looked_at(
    evidence: Path, runs: list[Run]
) -> None:
    certificate, key = make_certificate(evidence / "tls")
    environment = {"STAR87_TLS_CERTIFICATE": str(certificate), "STAR87_TLS_PRIVATE_KEY": str(key)}
    runs.append(run := Run(evidence, free_port(), "--listen", f"tls:{LOOPBACK}:{free_port()}", environment=environment))
    run.await_ready()
    (said,) = (said for said in bad(examined(*place(run), status=0)) if said.startswith("certificate"))
    assert said.startswith(f"certificate: {certificate} ends on "), "within two weeks"

    other, _ = make_certificate(evidence / "other")
    shutil.copy(other, certificate)
    found = examined(*place(run), status=1)
    assert any("are no certificate chain and its private key" in said for said in bad(found))

    subprocess.run(
        [
            *("openssl", "req", "-x509", "-key", str(key), "-subj", "/CN=localhost", "-out", str(certificate)),
            *("-days", "400"),
        ],
        check=True,
        capture_output=True,
    )
    assert bad(examined(*place(run), status=0)) >= {
        f"certificate: the node still works with an older copy of {certificate}"
    }
    assert run.star87("reload-certificates").returncode == 0
    assert not any(said.startswith("certificate") for said in bad(examined(*place(run), status=0)))


def test_given_no_node_and_an_address_in_use_when_examined_then_that_is_told(evidence: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.bind((LOOPBACK, 0))
        holder.listen()
        taken, free = holder.getsockname()[1], free_port()
        found = examined(
            *("--run-dir", str(evidence), "--listen", f"tcp:{LOOPBACK}:{taken}", "--listen", f"udp:{LOOPBACK}:{free}"),
            status=1,
        )
    assert found[f"addresses: tcp:{LOOPBACK}:{taken} is in use"][0] == "wrong"
    assert found[f"addresses: udp:{LOOPBACK}:{free} is free"] == ("ok", "")


def test_given_a_node_that_drains_when_examined_then_it_is_worth_a_look(evidence: Path, runs: list[Run]) -> None:
    runs.append(run := Run(evidence, free_port()))
    run.await_ready()
    assert run.star87("drain").returncode == 0
    found = examined(*place(run))
    assert any("takes no new calls (503)" in said for said in bad(found))

"""A node with marked passwords everywhere: none of them turns up in what it, or a command, says, logs or shows."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import yaml

from tests.kamailio.test_health import asked
from tests.support import documents
from tests.support.node import STAR87
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_server import RedisServer
from tests.support.run import Run
from tests.support.talks import ring, take_over
from tests.support.until import until

DOMAIN = "pbx.example.com"
PASSWORD, STORE_PASSWORD = "mark-of-a-phone-7Qx", "mark-of-the-store-9Zw"
KEPT_INSIDE = ("node.json", ".sqlite", "seal.key")
"""Files for the owner alone, which hold what the node needs."""


def marked() -> str:
    document = yaml.safe_load(documents.example())
    for domain in document["domains"]:
        for extension in domain["extensions"]:
            extension.pop("ha1", None)
            extension["password"] = PASSWORD
    return str(yaml.safe_dump(document))


def secrets() -> dict[str, str]:
    """Everything that is as good as a password, and its name."""
    numbers = [e["number"] for e in yaml.safe_load(marked())["domains"][0]["extensions"]]
    ha1s = {f"ha1 of {number}": hashlib.md5(f"{number}:{DOMAIN}:{PASSWORD}".encode()).hexdigest() for number in numbers}
    return {"password": PASSWORD, "store": STORE_PASSWORD, **ha1s}


def told(text: str) -> list[str]:
    return [name for name, secret in secrets().items() if secret in text]


@pytest.fixture
def store() -> Iterator[RedisServer]:
    port = free_port()
    with RedisServer("--port", str(port), "--bind", LOOPBACK) as server:
        with server.client() as client:
            client.config_set("requirepass", STORE_PASSWORD)
        server.port = port  # type: ignore[attr-defined]
        yield server


def shown_by_ps(pids: set[int]) -> str:
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids]
    assert any("kamailio" in line for line in lines)
    return "\n".join(lines)


def test_given_passwords_everywhere_when_a_node_works_at_debug_level_then_none_is_in_logs_output_or_ps(
    evidence: Path, store: RedisServer
) -> None:
    file = evidence / "store-password"
    file.write_text(STORE_PASSWORD)
    file.chmod(0o600)
    environment = {
        "STAR87_REDIS_URL": f"redis://{LOOPBACK}:{store.port}/0",  # type: ignore[attr-defined]
        "STAR87_REDIS_PASSWORD_FILE": str(file),
        # A node that logs so much on a busy machine is slow, which is no absence of its store.
        "STAR87_REDIS_TIMEOUT_MS": "1000",
    }
    port, health = free_port(), free_port()
    run = Run(evidence, port, "--health", f"{LOOPBACK}:{health}", document=marked(), environment=environment)
    try:
        run.await_ready()
        kamcmd = ["/usr/sbin/kamcmd", "-s", f"unix:{evidence}/n/ctl.sock", "corex.debug", "4"]
        subprocess.run(kamcmd, check=True, capture_output=True, timeout=10)
        with ExitStack() as phones:

            def phone(number: str, password: str = PASSWORD) -> Phone:
                return phones.enter_context(Phone(f"{LOOPBACK}:{port}", number, domain=DOMAIN, password=password))

            bob, alice, carol = phone("101"), phone("102"), phone("103")
            assert bob.registers().status == 200
            assert phone("104", "wrong").registers().status in (401, 403)
            take_over(ring(alice, bob), carol, "*87101")

        outputs = {
            " ".join(words): (done.stdout + done.stderr)
            for words in (
                ["calls", "--json"],
                ["events", "--json"],
                ["explain", "103", "--json"],
                ["agents", "list", "--json"],
                ["apply", str(evidence / "provision.yaml"), "--json"],
                ["drain"],
            )
            for done in [run.star87(*words)]
        }
        outputs["ps"] = shown_by_ps({run.process.pid} | run.descendants())
        outputs["readyz"] = str(asked(health, "/readyz"))
        # An error of the store, too, with a password that it does not take any more.
        with redis.Redis(unix_socket_path=str(store.socket), password=STORE_PASSWORD) as client:
            client.config_set("requirepass", "another")
            client.client_kill_filter(_type="normal", skipme=True)
        until(lambda: "the state store" in (evidence / "n" / "kamailio.log").read_text(errors="replace"), within_s=10)
        outputs["readyz without a store"] = str(asked(health, "/readyz"))
    finally:
        run.clean_up()
    outputs["run"] = run.said() + run.complained()

    leaks = {name: found for name, text in outputs.items() if (found := told(text))}
    for path in evidence.rglob("*"):
        if not path.is_file() or path.suffix == ".yaml" or path == file:
            continue
        if path.name.endswith(KEPT_INSIDE):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        elif found := told(path.read_text(errors="replace")):
            leaks[str(path)] = found
    assert leaks == {}
    log = (evidence / "n" / "kamailio.log").read_text(errors="replace")
    assert "DEBUG: " in log, "it was at debug level"


def test_given_a_password_on_the_command_line_when_run_then_it_is_told_who_sees_it_and_what_to_do(
    evidence: Path, store: RedisServer
) -> None:
    url = f"redis://:{STORE_PASSWORD}@{LOOPBACK}:{store.port}/0"  # type: ignore[attr-defined]
    run = Run(evidence, free_port(), "--redis", url)
    try:
        run.await_ready()
        assert run.complained() == (
            "everyone on this host sees the password in --redis (ps): "
            "say STAR87_REDIS_URL or STAR87_REDIS_PASSWORD_FILE\n"
        )
        assert told(run.said()) == []
        assert told(shown_by_ps(run.descendants())) == []
    finally:
        run.clean_up()


@pytest.mark.parametrize(
    "fault",
    [
        {"password": [PASSWORD]},
        {"password": {"is": PASSWORD}},
        {"password": PASSWORD, "ha1": PASSWORD},
        {"ha1": PASSWORD},
        {"password": PASSWORD, "number": "x y"},
        {"passwort": PASSWORD, "password": PASSWORD},
    ],
)
def test_given_a_document_with_a_fault_beside_a_password_when_checked_then_the_password_is_not_told(
    tmp_path: Path, fault: dict[str, object]
) -> None:
    document = yaml.safe_load(marked())
    document["domains"][0]["extensions"][0] = {"number": "101", "name": "Bob", **fault}
    file = tmp_path / "document.yaml"
    file.write_text(yaml.safe_dump(document))
    for words in (["check", str(file)], ["check", str(file), "--json"], ["run", "--provision", str(file)]):
        done = subprocess.run([str(STAR87), *words], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1, done
        assert told(done.stdout + done.stderr) == []


def test_given_a_document_that_is_no_yaml_when_checked_then_no_line_of_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "document.yaml"
    file.write_text(f"version: 1\ndomains:\n  - password: {PASSWORD}: [\n")
    done = subprocess.run([str(STAR87), "check", str(file)], capture_output=True, text=True, timeout=20)
    assert (done.returncode, told(done.stdout + done.stderr)) == (1, [])


@pytest.mark.parametrize("command", ["run", "apply", "calls", "events", "explain"])
def test_given_a_password_in_the_environment_when_help_is_asked_for_then_it_is_not_shown(command: str) -> None:
    environment = {"STAR87_REDIS_URL": f"redis://:{STORE_PASSWORD}@h:1/0", "COLUMNS": "200"}
    done = subprocess.run([str(STAR87), command, "--help"], capture_output=True, text=True, env=environment, timeout=20)
    assert (done.returncode, told(done.stdout + done.stderr)) == (0, [])

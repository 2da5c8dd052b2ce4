"""Every command line of the pages is run, as it stands there; what stands for something is in `Scene.places`."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.e2e import test_containers
from tests.load import bench_hidden, bench_pickup
from tests.support.network import Network
from tests.support.page_scene import DESK, DOMAIN, EXAMPLE, FIELD, STORE, WITHIN_S, Scene
from tests.support.pages import ALL, ROOT
from tests.support.sipp import PHONES
from tests.support.terminal import Terminal
from tests.support.until import until

Runs = Callable[[Scene, str], None]


def prints(
    says: str, places: Mapping[str, str] | None = None, *, host: str = DESK, exits: tuple[int, ...] = (0,)
) -> Runs:
    """The command ends with one of these statuses, and its output has this."""

    def run(scene: Scene, line: str) -> None:
        done = scene.ran(line, host, places)
        assert done.returncode in exits, f"{done.returncode}: {done.stdout}{done.stderr}"
        assert re.search(says, done.stdout), done.stdout + done.stderr

    return run


def goes_on(says: str = "^ready ", *, host: str = FIELD, ends: int = 0) -> Runs:
    """The command says this, and goes on until Ctrl-C, which ends it with this status."""

    def run(scene: Scene, line: str) -> None:
        with scene.running(line, says, host, ends=ends):
            pass

    return run


def on_a_terminal(shows: str) -> Runs:
    """The command shows this there, and goes on until Ctrl-C."""

    def run(scene: Scene, line: str) -> None:
        command, environment = scene.command(line, DESK, {})
        with Terminal(command, environment=environment) as terminal:
            terminal.shows(shows)
            terminal.types(b"\x03")
            assert terminal.process.wait(WITHIN_S) == 0

    return run


def while_it_rings(runs: Runs, at: str = "104") -> Runs:
    def run(scene: Scene, line: str) -> None:
        with scene.ringing(at):
            runs(scene, line)

    return run


def each(without: Runs, with_all: Runs) -> Runs:
    """What stands in brackets may be left out: first all of it is, then nothing."""

    def run(scene: Scene, line: str) -> None:
        without(scene, re.sub(r" \[[^]]*\]", "", line))
        whole(with_all)(scene, line)

    return run


def whole(runs: Runs) -> Runs:
    """With all that stands in brackets; without it, it is another command of the pages."""
    return lambda scene, line: runs(scene, re.sub(r"[][]| …", "", line))


def from_a_shell(runs: Runs) -> Runs:
    """The shell does not become the command: the command looks which shell it is called from."""
    return lambda scene, line: runs(scene, f"{line} && true")


def short_form(test: str) -> Runs:
    """What `make` would run is what a test runs a short form of: it takes parts from the same modules."""

    def run(scene: Scene, line: str) -> None:
        module = re.findall(r"python -m (tests\.\S+)", prints_of(scene, line.replace("make ", "make -n ", 1)))[-1]
        path = ROOT / module.replace(".", "/")
        source = (path / "__main__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
        parts = {
            module,
            f"{module}.__main__",
            *re.findall(r"^from (tests\.(?:support\.races|load)[\w.]*) import", source, re.M),
        }
        imported = set(re.findall(r"^from (tests\.[\w.]+) import (\w+)", (ROOT / test).read_text(), re.M))
        assert parts & {name for of, one in imported for name in (of, f"{of}.{one}")}, f"{test} has no part of {parts}"

    return run


def prints_of(scene: Scene, line: str, host: str = DESK) -> str:
    done = scene.ran(line, host)
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_fewer(module: object, exits: tuple[int, ...] = (0,), **figures: object) -> Runs:
    """The module that `make` runs, with these of its figures smaller."""

    def run(scene: Scene, line: str) -> None:
        assert f"-m {module.__name__}" in prints_of(scene, line.replace("make", "make -n"))  # type: ignore[attr-defined]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in figures.items():
                patch.setattr(module, name, value)
            assert module.main() in exits  # type: ignore[attr-defined]

    return run


def in_ci(_: Scene, line: str) -> None:
    assert f"make --no-print-directory {line.removeprefix('make ')}" in (ROOT / ".ci" / "run").read_text()


def in_containers(_: Scene, line: str) -> None:
    assert line in (test_containers.ONE, test_containers.CLUSTER)


def drain(scene: Scene, line: str) -> None:
    each(prints("new calls are refused"), prints("new calls"))(scene, line)


def relay(scene: Scene, line: str) -> None:
    with scene.running(line, "", FIELD):
        until(lambda: ":22222 " in prints_of(scene, "ss -Huln", FIELD), what="the relay's port")


def backup(scene: Scene, line: str) -> None:
    prints("", {"FILE": str(scene.folder / "backup.json")})(scene, line)
    assert json.loads((scene.folder / "backup.json").read_text())["document"]["domains"][0]["name"] == DOMAIN


def restored(scene: Scene, line: str) -> None:
    backup(scene, "star87 backup FILE")
    prints("in force", {"FILE": str(scene.folder / "backup.json")})(scene, line)


def renewed(scene: Scene, line: str) -> None:
    with scene.running(TLS, "^ready ", FIELD):
        prints("", host=FIELD)(scene, line)


def console(says: str) -> Runs:
    def run(scene: Scene, line: str) -> None:
        with scene.running("star87 web", "^ready http"), ExitStack() as stack:
            stack.enter_context(scene.ringing())
            carol = scene.phone("103", "Carol")
            carol.register()
            answers = carol.play(PHONES / "answers.xml")
            stack.callback(answers.stop)
            answers.await_bound()
            listed = json.loads(prints_of(scene, LISTED))
            prints(says, {"ID": listed["calls"][0]["id"]})(scene, line)

    return run


LISTED = "curl --digest -u 103:change-me-103 'http://127.0.0.1:8088/api/v1/calls?domain=pbx.example.com'"
TLS = (
    "STAR87_TLS_CERTIFICATE=node.crt STAR87_TLS_PRIVATE_KEY=node.key .venv/bin/star87 run"
    " --provision docker/provision.example.yaml --listen udp:192.0.2.1:5060 --listen tls:192.0.2.1:5061"
    " --listen wss:192.0.2.1:443"
)
REDIS = "redis-server --aclfile $PWD/docker/redis/users.acl --bind 192.0.2.9 --dir /var/lib/redis --appendonly yes"
GOT = r"If Carol \(103\) dials \*87(101)? now, .*Alice"
A_TEST = "tests/unit/test_layers.py::test_given_the_rules_of_the_house_when_configured_then_none_is_missing"
EXPORTED = f"export STAR87_REDIS_URL={STORE}; .venv/bin/star87 run"
RUNS: dict[str, Runs] = {
    "make setup": in_ci,
    "make lint": in_ci,
    "make test": in_ci,
    "make demo": prints("INVITE .87101"),
    "make demo-web": goes_on("Ctrl-C ends all of it", host=DESK, ends=-signal.SIGINT),
    "make load RATE=100 DURATION=60": short_form("tests/e2e/test_load.py"),
    "make load RATE=50 KIND=pickups TARGET=192.0.2.1:5060 USERS=provision.yaml": short_form("tests/e2e/test_load.py"),
    "make load TARGET=ADDRESS:5060 USERS=FILE KIND=pickups": short_form("tests/e2e/test_load.py"),
    "make soak MINUTES=20": short_form("tests/e2e/test_load.py"),
    "make bench-pickup": with_fewer(bench_pickup, PICKUPS=4, RINGING=(1,)),
    "make bench-hidden": with_fewer(bench_hidden, (0, 1), ROUNDS=20),
    "make bench": short_form("tests/e2e/test_bench.py"),
    "make bench ONLY=calls": short_form("tests/e2e/test_bench.py"),
    "make chaos": short_form("tests/e2e/test_chaos_store.py"),
    "make races": short_form("tests/e2e/test_races.py"),
    "make abuse": short_form("tests/e2e/test_abuse.py"),
    "make fuzz": short_form("tests/e2e/test_fuzz.py"),
    ".venv/bin/pytest PATH::TEST": prints("1 passed", {"PATH::TEST": f"{A_TEST}"}),
    ".venv/bin/pytest tests/e2e/test_stories.py -k NAME": prints("1 passed", {"NAME": "nominal/general"}),
    f".venv/bin/star87 run --provision {EXAMPLE}": goes_on(),
    TLS: goes_on(),
    f"{EXPORTED} --node a --listen udp:192.0.2.1:5060 --provision {EXAMPLE}": goes_on(),
    f"{EXPORTED} --node b --listen udp:192.0.2.2:5060": goes_on(),
    f"{EXPORTED} --node c --listen udp:192.0.2.3:5060 --listen udp:10.0.0.3:5070 --peer udp:10.0.0.3:5070": goes_on(),
    "star87 run --provision FILE [--listen udp:127.0.0.1:5060 …] [--redis URL] [--node NAME] [--peer"
    " udp:127.0.0.1:5060] [--rtpengine udp:127.0.0.1:22222] [--health 127.0.0.1:8087]": whole(goes_on()),
    "STAR87_REDIS_PASSWORD_FILE=redis-password star87 run --provision provision.yaml --listen udp:192.0.2.1:5060"
    " --redis redis://star87@192.0.2.9": goes_on(),
    "star87 check provision.yaml": prints("valid"),
    "star87 check FILE": prints("valid"),
    "star87 apply FILE": prints("in force"),
    "star87 calls": while_it_rings(prints("104.*102")),
    "star87 agents list": prints("800"),
    "star87 agents login NUMBER": prints("", {"NUMBER": "104"}),
    "star87 agents logout NUMBER": prints("", {"NUMBER": "104"}),
    "star87 watch [--once]": while_it_rings(each(on_a_terminal("104"), prints("104"))),
    "star87 explain PICKER [NUMBER]": while_it_rings(each(prints(GOT), prints(GOT)), "101"),
    "star87 explain PICKER NUMBER": while_it_rings(prints(GOT), "101"),
    "star87 explain 103 101": while_it_rings(prints(GOT), "101"),
    "star87 events [--for NUMBER] [--follow]": each(
        prints("picked up"), goes_on("answered by 103", host=DESK, ends=130)
    ),
    "star87 web [--listen 127.0.0.1:8088] [--redis URL]": whole(goes_on("^ready http")),
    LISTED: console('"104"'),
    "curl -u 103@pbx.example.com:change-me-103 -X POST http://127.0.0.1:8088/api/v1/calls/ID/pickup": console(
        "Your Phone Rings"
    ),
    "star87 ladder FILE.pcap": prints(r"INVITE \*87101"),
    "star87 ladder CALL-ID": prints("101"),
    "star87 doctor": prints("✓ store: .*", exits=(0, 1)),
    "star87 reload-certificates": renewed,
    "star87 backup FILE": backup,
    "star87 restore FILE": restored,
    "star87 migrate [--dry-run]": each(prints(""), prints("")),
    "star87 drain [--off]": drain,
    "star87 --install-completion": from_a_shell(prints("bash", {"star87": "HOME=$STAR87_RUN_DIR star87"})),
    "kamcmd -s unix:/run/star87/star87/ctl.sock corex.debug 3": prints("3"),
    "redis-server --aclfile $PWD/docker/redis/users.acl --dir /var/lib/redis": goes_on(
        "Ready to accept connections", host=DESK
    ),
    REDIS: goes_on("Ready to accept connections", host=DESK),
    "rtpengine --table=-1 --interface=192.0.2.1 --listen-ng=127.0.0.1:22222 --foreground": relay,
    "docker compose -f docker/compose.yaml up --build": in_containers,
}
NOT_RUN = {
    "systemctl reload": "no systemd: tests/kamailio/test_unprivileged.py has the unit, renewed() its ExecReload",
    "systemctl stop": "no systemd: it sends SIGTERM, as tests/kamailio/test_drain.py does",
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The example's node on one host, with a pickup behind it, and the pages' Redis on the other."""
    with Network(DESK, FIELD) as network, ExitStack() as stack:
        stack.enter_context(network.on(DESK))
        scene = Scene(tmp_path_factory.mktemp("pages"), network)
        stack.enter_context(scene.running(f".venv/bin/star87 run --provision {EXAMPLE}", "^ready "))
        scene.picks_up()
        stack.enter_context(scene.running(REDIS, "Ready to accept connections", FIELD))
        assert not scene.ran("star87 apply FILE --redis URL", FIELD).returncode
        yield scene


@pytest.mark.skipif(bool(os.geteuid()), reason="the pages' addresses are made in network namespaces: needs root")
@pytest.mark.parametrize("line", [line for line in ALL if line in RUNS])
def test_given_a_command_of_a_page_when_it_is_run_then_it_does_what_the_page_says(line: str, scene: Scene) -> None:
    RUNS[line](scene, line)


def test_given_the_commands_of_the_pages_when_compared_with_those_that_are_run_then_none_is_left() -> None:
    mentioned = {line for line in ALL if any(run.startswith(f"{line} ") for run in RUNS)}
    assert set(ALL) - set(RUNS) - set(NOT_RUN) - mentioned == set()
    assert (set(RUNS) | set(NOT_RUN)) - set(ALL) == set(), "they are on no page any more"

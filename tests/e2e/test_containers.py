"""docker/: the images are built, the compose files brought up, and calls picked up there by SIPp's phones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.e2e.stories import Play, Story, all_stories, mismatches, provisioning, read_story
from tests.e2e.test_stories import entry
from tests.e2e.test_stories import play as play_as_told
from tests.support.contained import HEALTH, READY_WITHIN_S, Contained, await_ready, fetched, readiness
from tests.support.containers import Composed, Engine, compose_file, why_not
from tests.support.network import Network
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK
from tests.support.sipp import SCENARIOS, has_stumbled
from tests.support.until import until

pytestmark = [
    # The images are built first.
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

ONE = "docker compose -f docker/compose.yaml up --build"
CLUSTER = "docker compose -f docker/compose.cluster.yaml up --build"
"""As the pages have them (tests/e2e/test_pages.py)."""
NOMINAL = SCENARIOS / "call-pickup" / "nominal"
DIRECTED, GENERAL = read_story(NOMINAL / "directed"), read_story(NOMINAL / "general")
ACROSS, THROUGH = (read_story(SCENARIOS / "many-nodes" / name) for name in ("directed", "called-through-another-node"))
PORTS = {"a": 5062, "b": 5064, "c": 5066}
ALONE = f"{LOOPBACK}:5060"
WHICH = os.environ.get("STORIES", str(NOMINAL))
"""Of which folders the stories play in the container: those of pickups, for the sake of time; STORIES=/ for all."""
AT_ONCE = 4
"""Stories that play at the same time: they mostly wait."""
FOREIGN = "grafana"
"""The one image that is not of Debian's packages: it is not to be had everywhere."""
IMAGE_MOST_BYTES = 280_000_000
ASKED = 12
"""Times that a node's four workers are asked something, so that none is left out."""
COMPILERS = ("cc", "gcc", "g++", "clang", "make", "pip", "pip3")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as engine:
        engine.make_base()
        engine.build(compose_file(CLUSTER), "node-a", "rtpengine-a", "prometheus")
        # A network of their own, which begins and ends with the tests of this file.
        with Network("host") as network, network.on("host"):
            yield engine


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What docker/.env would say."""
    document = tmp_path_factory.mktemp("provision") / "provision.yaml"
    document.write_text(provisioning([DIRECTED, GENERAL, ACROSS, THROUGH]))
    document.chmod(0o644)
    for folder in document.parents[:3]:
        folder.chmod(0o755)
    # The machine is busy with other tests, too.
    return {"STAR87_ADDRESS": LOOPBACK, "STAR87_PROVISION": str(document), "STAR87_REDIS_TIMEOUT_MS": "1000"}


@pytest.fixture
def one(engine: Engine, said: Mapping[str, str]) -> Iterator[Composed]:
    with Composed(engine, ONE, said) as composed:
        yield composed


def test_given_a_node_before_its_redis_when_redis_comes_then_calls_are_picked_up_and_the_record_outlives_both(
    one: Composed, evidence: Path
) -> None:
    one.up("node", alone=True)
    until(lambda: "waiting for the state store" in one.log("node"), within_s=READY_WITHIN_S, what="the node to wait")
    assert readiness("a") != 200

    one.up()
    await_ready(one, "node", "a")
    play(DIRECTED, evidence)
    play(GENERAL, evidence)
    for story in (DIRECTED, GENERAL):
        check_record(one, "node", story)

    seal = one.inside("node", "sha256sum", "/run/star87/star87/seal.key")
    one.down()
    assert readiness("a") is None
    one.up()
    await_ready(one, "node", "a")
    check_record(one, "node", DIRECTED)
    assert one.inside("node", "sha256sum", "/run/star87/star87/seal.key") == seal


def test_given_the_node_s_container_when_looked_into_then_it_may_and_has_no_more_than_it_needs(
    engine: Engine, one: Composed
) -> None:
    assert int(engine.podman("image", "inspect", "--format", "{{.Size}}", "star87")) < IMAGE_MOST_BYTES
    one.up()
    await_ready(one, "node", "a")

    assert one.inside("node", "id", "-u").strip() != "0"
    status = one.inside("node", "sh", "-c", "cat /proc/[0-9]*/status")
    assert {line.split()[1] for line in status.splitlines() if line.startswith("Uid:")} == {"5060"}
    assert {line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")} == {"0" * 16}
    assert {line.split()[1] for line in status.splitlines() if line.startswith("NoNewPrivs:")} == {"1"}
    places = "/ /etc /opt/star87 /usr/local/bin"
    written = one.inside("node", "sh", "-c", f"for p in {places}; do touch $p/x && echo $p; done; :")
    assert written == ""
    found = one.inside("node", "sh", "-c", f"for p in {' '.join(COMPILERS)}; do command -v $p; done; :")
    assert found == ""
    # The accelerated reader of replies, which the node cannot do without.
    assert one.inside("node", "python3", "-c", "import redis.utils as u; print(u.HIREDIS_AVAILABLE)") == "True\n"


def test_given_the_stories_of_one_node_when_they_play_on_that_of_a_container_then_each_ends_as_told(
    engine: Engine, evidence: Path
) -> None:
    stories = [story for story in all_stories() if not story.others and not story.node and WHICH in str(story.folder)]
    failed = failures_of(stories, engine, evidence / "all")
    if failed and all(map(has_stumbled, failed.values())):
        again = [story for story in stories if story.domain in failed]
        failed = failures_of(again, engine, evidence / "once-more")
    assert not failed, "\n\n".join(f"{name}: {why}" for name, why in failed.items())


def failures_of(stories: Sequence[Story], engine: Engine, folder: Path) -> dict[str, BaseException]:
    """Play the stories at a node in a container; why those failed that did, by domain."""
    folder.mkdir()
    node = Contained(engine, ONE, provisioning(stories), folder / "node")
    with node, ThreadPoolExecutor(AT_ONCE) as pool:
        played = {story.domain: pool.submit(play_as_told, story, (node,), folder / story.domain) for story in stories}
        return {name: failure for name, playing in played.items() if (failure := playing.exception())}


def test_given_three_nodes_when_a_primary_dies_then_calls_are_picked_up_across_nodes_before_and_after(
    engine: Engine, said: Mapping[str, str], evidence: Path
) -> None:
    with Composed(engine, CLUSTER, said) as cluster:
        services = [name for name in services_of(compose_file(CLUSTER)) if name != FOREIGN]
        cluster.up(*services)
        for name in PORTS:
            await_ready(cluster, f"node-{name}", name)
        until(lambda: in_list(cluster) == 3, within_s=READY_WITHIN_S, what="the nodes to know each other")

        play(ACROSS, evidence, cluster)
        check_record(cluster, "node-a", ACROSS)
        # Its media was relayed.
        assert "offer" in cluster.log("rtpengine-a")
        until(lambda: scraped() == {"a", "b", "c"}, within_s=READY_WITHIN_S, what="Prometheus to see the nodes")
        assert fetched("http://127.0.0.1:8090/")[0] == 200

        cluster.kill("redis-a")
        until(lambda: store_is_well() == {"a", "b", "c"}, within_s=READY_WITHIN_S, what="another primary")
        until(lambda: is_known_everywhere(THROUGH), within_s=READY_WITHIN_S, what="each worker to know it")
        play(THROUGH, evidence, cluster)
        play(GENERAL, evidence, cluster)
        check_record(cluster, "node-c", GENERAL)


def is_known_everywhere(story: Story) -> bool:
    """Whether no worker of any node tells the picker of a story that the store is away."""
    for port in PORTS.values():
        for _ in range(ASKED):
            with Phone(f"{LOOPBACK}:{port}", "103", domain=story.domain) as phone:
                if phone.dials("*87").ends_with().status == 503:
                    return False
                # A call is four messages and the workers take turns: one message more, or it is always the same worker.
                phone.asks("OPTIONS")
    return True


def play(story: Story, folder: Path, cluster: Composed | None = None) -> None:
    """Play it at the one node, or at those of the cluster; raises AssertionError when it ends otherwise than told."""
    folder = folder / story.domain
    folder.mkdir()

    def await_known(number: str) -> None:
        for name in PORTS if cluster else ():
            until(lambda name=name: knows(cluster, name, number, story.domain), what=f"{name} to know {number}")  # type: ignore[misc]

    places = {name: f"{LOOPBACK}:{port}" for name, port in PORTS.items()}
    performance = Play(story, places["a"] if cluster else ALONE, folder, others=places, await_known=await_known)
    performance.perform()
    assert list(mismatches(story.answered, performance.answered())) == []


def check_record(composed: Composed, service: str, story: Story) -> None:
    """The pickup record, as an operator sees it in a node's container."""
    assert story.events

    def record() -> list[dict[str, object]]:
        said: list[dict[str, object]] = composed.star87(service, "events", "--domain", story.domain, *named(service))
        return said

    until(lambda: len(record()) >= len(story.events or ()), what="the pickup record")
    assert [entry(*pair) for pair in zip(record(), story.events, strict=True)] == list(story.events)


def named(service: str) -> tuple[str, ...]:
    return ("--node", service.partition("-")[2]) if "-" in service else ()


def services_of(compose: Path) -> list[str]:
    return list(yaml.safe_load(compose.read_text())["services"])


def knows(cluster: Composed | None, name: str, number: str, domain: str) -> bool:
    assert cluster is not None
    try:
        command = ("kamcmd", "-s", f"unix:/run/star87/{name}/ctl.sock", "ul.lookup", "location", f"{number}@{domain}")
        return "Address:" in cluster.inside(f"node-{name}", *command)
    except AssertionError:
        return False


def in_list(cluster: Composed) -> int:
    """How many nodes the first one tells its contacts, itself included."""
    said = cluster.inside("node-a", "kamcmd", "-s", "unix:/run/star87/a/ctl.sock", "dmq.list_nodes")
    return said.count("status: active")


def store_is_well() -> set[str]:
    pages = {name: fetched(f"http://{LOOPBACK}:{port}/readyz")[1] for name, port in HEALTH.items()}
    return {name for name, page in pages.items() if page and json.loads(page)["checks"]["store"]["ok"]}


def scraped() -> set[str]:
    """The nodes whose series Prometheus has."""
    status, page = fetched(f"http://{LOOPBACK}:9090/api/v1/query?query=star87_node_info")
    found = json.loads(page)["data"]["result"] if status == 200 else []
    return {series["metric"]["node"] for series in found}

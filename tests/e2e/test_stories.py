"""Every story of sipp-scenarios, on a real node with real Redis, by SIPp's phones."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stories import REST_SLACK_S, Play, Story, all_stories, mismatches, provisioning
from tests.support.capture import Capture
from tests.support.cluster_of_nodes import nodes
from tests.support.contained import Contained
from tests.support.node import Node
from tests.support.recorded import Recorded
from tests.support.several_nodes import contacts_of
from tests.support.sipp import has_stumbled
from tests.support.until import until

STORIES = all_stories()
OTHER_MOMENT = re.compile(r" ([A-Z]+|\d{3})$")
"""No caller, but a method or a status."""
TAKEN_MS = 1000
LEFT_WITHIN_S = 12
"""Less than a claim lasts: what goes only because it expires counts as left."""
AT_ONCE = 3
"""Stories that play at the same time: each has a tenant and phones of its own, and mostly waits."""


class Stage:
    """The nodes of the stories, and the stories that play on them, in their order and some at once."""

    def __init__(self, stories: Sequence[Story], folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[str, tuple[Node, ...]] = {}
        """By what the stories ask of them: the one, and the others on the same store."""
        self._open = ExitStack()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._played: dict[str, Future[None]] = {}
        self._stories = stories

    def __enter__(self) -> Stage:
        try:
            for story in self._stories:
                if self._named(story) not in self._nodes:
                    self._start(story)
            for story in self._stories:
                nodes, folder = self._nodes[self._named(story)], self.folder(story)
                self._played[story.domain] = self._pool.submit(play, story, nodes, folder)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def node(self, story: Story) -> Node:
        return self._nodes[self._named(story)][0]

    def folder(self, story: Story) -> Path:
        """For the phones' logs; gone when the story ended as told."""
        return self._folder / story.domain

    def await_end(self, story: Story) -> None:
        """Raises AssertionError when the story ended otherwise than told."""
        self._played[story.domain].result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._open.close()

    def _start(self, story: Story) -> None:
        """One node for all stories with the same settings. It remembers for a shorter time that a call is gone."""
        name = self._named(story)
        # A phone that waits for its call would take a ping for one; tests/kamailio/nodes/test_nat.py has the pings.
        settings = {"already_answered_ms": TAKEN_MS, "keepalive_s": 0, **story.node}
        environment = {f"STAR87_{key.upper()}": str(value) for key, value in settings.items()}
        document = provisioning([other for other in self._stories if self._named(other) == name])
        # The path of a socket is short.
        folder = self._folder / f"node-{len(self._nodes)}"
        if story.others:
            started = nodes(folder, document, ("a", *story.others), environment)
            self._nodes[name] = self._open.enter_context(started)
        else:
            self._nodes[name] = (self._open.enter_context(Node(folder, document, environment=environment)),)

    @staticmethod
    def _named(story: Story) -> str:
        return "-".join(["node", *story.others, *(f"{key}-{value}" for key, value in sorted(story.node.items()))])


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Only the stories that were chosen to be tested play."""
    chosen = {item.name.partition("[")[2] for item in request.session.items}
    stories = [story for story in STORIES if f"{named(story)}]" in chosen]
    with Stage(stories, tmp_path_factory.mktemp("stories")) as stage:
        yield stage


def named(story: Story) -> str:
    return f"{story.folder.parent.name}/{story.name}"


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_given_a_story_when_its_phones_play_it_then_it_ends_as_told(story: Story, stage: Stage, evidence: Path) -> None:
    (evidence / "node").symlink_to(stage.node(story).folder)
    (evidence / "phones").symlink_to(stage.folder(story))

    try:
        stage.await_end(story)
    except AssertionError as failure:
        if not has_stumbled(failure):
            raise
        with Stage([story], evidence / "once-more") as again:
            again.await_end(story)


def play(story: Story, on: Sequence[Node | Contained], folder: Path) -> None:
    """Perform a story and compare what came of it; raises AssertionError, and leaves logs and capture then.

    on: the story's node, then those that its actors are `at`.
    """
    folder.mkdir()
    node = on[0]

    def await_known(number: str) -> None:
        for one in on if len(on) > 1 else ():
            until(lambda one=one: contacts_of(one, number, story.domain), what=f"{number} to be known at {one.name}")  # type: ignore[misc]

    performance = Play(
        story,
        node.address,
        folder,
        others={other.name: other.address for other in on[1:]},
        await_known=await_known,
    )
    with Capture(folder / "sip.pcap", node.port):
        performance.perform()

        assert list(mismatches(story.answered, performance.answered())) == []
        check_offers(story, performance)
        check_record(story, node)
        check_agents(story, node)
        until(
            lambda: not node.left_keys(story.domain),
            within_s=LEFT_WITHIN_S,
            what=lambda: f"no key left; there are {node.left_keys(story.domain)}",
        )
    shutil.rmtree(folder)


def check_offers(story: Story, performance: Play) -> None:
    if story.rang is not None:
        told = [[moment] if isinstance(moment, str) else sorted(moment) for moment in story.rang]
        came = performance.rang(moment for together in told for moment in together if OTHER_MOMENT.search(moment))
        for start, together in zip(accumulate([0, *map(len, told)]), told, strict=False):
            # What comes at once comes in any order.
            came[start : start + len(together)] = sorted(came[start : start + len(together)])
        assert came == [moment for together in told for moment in together]
    for phone, rest_s in story.rests.items():
        rests = performance.rests(phone)
        assert rests, f"{phone} got no call after its first"
        assert all(rest_s <= rest < rest_s + REST_SLACK_S for rest in rests), f"{phone} rested for {rests} s"


def check_record(story: Story, node: Recorded) -> None:
    expected = len(story.outcomes if story.events is None else story.events)
    until(lambda: len(node.events(story.domain)) >= expected, what="the pickup record")
    record = [event.as_json() for event in node.events(story.domain)]
    if story.events is None:
        assert sorted(event["outcome"] for event in record) == list(story.outcomes)
    else:
        assert [entry(*pair) for pair in zip(record, story.events, strict=True)] == list(story.events)


def check_agents(story: Story, node: Recorded) -> None:
    agents = sorted({agent for group in story.document()["agent_groups"] for agent in group["agents"]})

    def figures() -> tuple[dict[str, dict[str, int]], list[str]]:
        roster = node.roster(story.domain, agents, list(story.statistics))
        told = {group.number: group.statistics for group in roster.groups}
        return told, [agent.number for agent in roster.agents if not agent.logged_in]

    wanted = {number: dict(told) for number, told in story.statistics.items()}, list(story.logged_out)
    until(lambda: figures() == wanted, what=lambda: f"groups and logged-out agents {wanted}, not {figures()}")


def entry(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of an entry of the record, the fields that the story names; the caller by its number alone."""
    caller = str(event["caller"]).removeprefix("sip:").partition("@")[0]
    return {name: caller if name == "caller" else event[name] for name in wanted}

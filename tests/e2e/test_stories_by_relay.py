"""Some stories of sipp-scenarios once more, with a media relay between SIPp's phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stories import Story, all_stories, provisioning
from tests.e2e.test_stories import TAKEN_MS, named, play
from tests.support.node import Node
from tests.support.rtpengine import RtpEngine
from tests.support.until import until

CHOSEN = (
    "calls/in-dialog-requests",
    "calls/hunt-group-stages",
    "call-pickup/nominal/directed",
    "call-pickup/nominal/two-phones-ring",
    "call-pickup/nominal/own-call-held-by-update",
    "call-pickup/nominal/agent-group-back-in-the-queue",
    "call-pickup/off-nominal/media-refused",
    "call-pickup/off-nominal/next-candidate-after-481",
    "queues/ring-all",
)
STORIES = [story for story in all_stories() if f"{story.folder.parent}/{story.name}".endswith(CHOSEN)]


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtpEngine]:
    with RtpEngine(tmp_path_factory.mktemp("relay")) as relay:
        yield relay


@pytest.fixture(scope="module")
def node(relay: RtpEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    environment = {"STAR87_RTPENGINE": relay.address, "STAR87_ALREADY_ANSWERED_MS": str(TAKEN_MS)}
    with Node(tmp_path_factory.mktemp("node"), provisioning(STORIES), environment=environment) as node:
        yield node


def test_given_the_chosen_stories_when_looked_for_then_each_is_there() -> None:
    assert len(STORIES) == len(CHOSEN)


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_given_a_relay_when_phones_play_a_story_then_it_ends_as_without_one_and_nothing_is_left_there(
    story: Story, node: Node, relay: RtpEngine, evidence: Path
) -> None:
    relayed_before = relay.relayed()

    play(story, [node], evidence / "phones")

    assert relay.relayed() > relayed_before
    until(lambda: not relay.calls(), what=lambda: f"no call left at the relay; there are {relay.calls()}")

"""Every story of sipp-scenarios, on a real node with real Redis, by SIPp's phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stories import Play, Story, all_stories, mismatches, provisioning
from tests.support.capture import Capture
from tests.support.node import Node
from tests.support.until import until

STORIES = all_stories()
TAKEN_MS = 1000


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node, with a tenant for each story. It remembers for a shorter time than usual that a call is gone."""
    folder = tmp_path_factory.mktemp("stories")
    with Node(folder, provisioning(STORIES), environment={"STAR87_ALREADY_ANSWERED_MS": str(TAKEN_MS)}) as node:
        yield node


@pytest.mark.parametrize("story", STORIES, ids=lambda s: f"{s.folder.parent.name}/{s.name}")
def test_given_a_story_when_its_phones_play_it_then_it_ends_as_told(story: Story, node: Node, evidence: Path) -> None:
    play = Play(story, node.address, evidence)

    with Capture(evidence / "sip.pcap", node.port):
        play.perform()

        assert list(mismatches(story.answered, play.answered())) == []
        if story.events is not None:
            until(lambda: len(node.events(story.domain)) >= len(story.events or ()), what="the pickup record")
            record = [
                vars_of(event.as_json(), wanted)
                for event, wanted in zip(node.events(story.domain), story.events, strict=True)
            ]
            assert record == [dict(wanted) for wanted in story.events]
        until(
            lambda: not node.keys(story.domain),
            what=lambda: f"no key left; there are {node.keys(story.domain)}",
        )


def vars_of(event: dict[str, object], wanted: object) -> dict[str, object]:
    """Of an entry of the record, the fields that the story names; the caller by its number alone."""
    assert isinstance(wanted, dict)
    caller = str(event["caller"]).removeprefix("sip:").partition("@")[0]
    return {name: caller if name == "caller" else event[name] for name in wanted}

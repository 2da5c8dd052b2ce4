"""Every story of sipp-scenarios, on a real node with real Redis, by SIPp's phones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
    (evidence / "node").symlink_to(node.folder)

    with Capture(evidence / "sip.pcap", node.port):
        play.perform()

        assert list(mismatches(story.answered, play.answered())) == []
        expected = len(story.outcomes if story.events is None else story.events)
        until(lambda: len(node.events(story.domain)) >= expected, what="the pickup record")
        record = [event.as_json() for event in node.events(story.domain)]
        if story.events is None:
            assert sorted(event["outcome"] for event in record) == list(story.outcomes)
        else:
            assert [named(*pair) for pair in zip(record, story.events, strict=True)] == list(story.events)
        until(lambda: not node.keys(story.domain), what=lambda: f"no key left; there are {node.keys(story.domain)}")


def named(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of an entry of the record, the fields that the story names; the caller by its number alone."""
    caller = str(event["caller"]).removeprefix("sip:").partition("@")[0]
    return {name: caller if name == "caller" else event[name] for name in wanted}

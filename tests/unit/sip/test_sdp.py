"""Whether a description puts a call on hold (RFC 3264 §8.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemi.sip.sdp import Direction, direction, holds


def described(*lines: str) -> str:
    return "\r\n".join(["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", *lines, ""])


AUDIO = "m=audio 4000 RTP/AVP 0"
VIDEO = "m=video 4002 RTP/AVP 31"
HERE = "c=IN IP4 192.0.2.1"
NOWHERE = "c=IN IP4 0.0.0.0"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ((HERE, AUDIO), Direction.SENDRECV),
        ((HERE, AUDIO, "a=sendrecv"), Direction.SENDRECV),
        ((HERE, AUDIO, "a=sendonly"), Direction.SENDONLY),
        ((HERE, AUDIO, "a=recvonly"), Direction.RECVONLY),
        ((HERE, AUDIO, "a=inactive"), Direction.INACTIVE),
        ((HERE, "a=sendonly", AUDIO), Direction.SENDONLY),
        ((HERE, "a=sendonly", AUDIO, "a=sendrecv"), Direction.SENDRECV),
        ((HERE, "a=sendrecv", AUDIO, "a=inactive"), Direction.INACTIVE),
        ((NOWHERE, AUDIO), Direction.INACTIVE),
        ((NOWHERE, AUDIO, "a=sendrecv"), Direction.INACTIVE),
        ((NOWHERE, AUDIO, HERE), Direction.SENDRECV),
        ((HERE, AUDIO, NOWHERE), Direction.INACTIVE),
        ((HERE, AUDIO, "a=sendonly "), Direction.SENDONLY),
        ((HERE, AUDIO, "a=rtpmap:0 PCMU/8000", "a=sendonly"), Direction.SENDONLY),
    ],
)
def test_given_one_stream_when_its_direction_is_read_then_its_own_word_wins(
    lines: tuple[str, ...], found: Direction
) -> None:
    assert direction(described(*lines)) is found


@pytest.mark.parametrize(
    ("lines", "on_hold"),
    [
        ((HERE, AUDIO, "a=sendonly", VIDEO, "a=sendonly"), True),
        ((HERE, AUDIO, "a=sendonly", VIDEO, "a=inactive"), True),
        ((HERE, AUDIO, "a=sendonly", VIDEO), False),
        ((HERE, AUDIO, VIDEO, "a=sendonly"), False),
        ((HERE, AUDIO, "a=recvonly"), False),
        ((HERE, AUDIO, "a=sendonly", "m=video 0 RTP/AVP 31"), True),
        ((HERE, AUDIO, "a=sendonly", "m=video 0/2 RTP/AVP 31"), True),
        ((HERE, "m=audio 0 RTP/AVP 0", "a=sendonly", VIDEO), False),
        ((NOWHERE, AUDIO, VIDEO, HERE), False),
        ((HERE, "m=audio 0 RTP/AVP 0"), None),
        ((HERE,), None),
        ((HERE, "m=audio"), None),
    ],
)
def test_given_streams_when_asked_then_a_call_is_on_hold_only_when_every_live_one_is(
    lines: tuple[str, ...], on_hold: bool | None
) -> None:
    assert holds(described(*lines)) is on_hold


def test_given_no_body_when_asked_then_nothing_is_known_of_hold() -> None:
    assert holds("") is None


def test_given_line_ends_without_cr_when_read_then_it_is_understood() -> None:
    assert holds(described(HERE, AUDIO, "a=sendonly").replace("\r\n", "\n")) is True


@given(st.text() | st.lists(st.sampled_from([HERE, NOWHERE, AUDIO, VIDEO, "a=sendonly", "m=", "c=", "a=", "=", "m"])))
def test_given_anything_when_read_then_nothing_is_raised(body: str | list[str]) -> None:
    text = body if isinstance(body, str) else "\r\n".join(body)
    assert holds(text) in (True, False, None)


@given(
    st.sampled_from(list(Direction)),
    st.lists(st.tuples(st.sampled_from(list(Direction)), st.booleans()), min_size=1, max_size=5),
)
def test_given_any_streams_when_asked_then_hold_means_that_no_live_stream_listens(
    session: Direction, streams: list[tuple[Direction, bool]]
) -> None:
    lines = [HERE, f"a={session.value}"]
    for stream, live in streams:
        lines += [f"m=audio {4000 if live else 0} RTP/AVP 0", f"a={stream.value}"]
    alive = [stream for stream, live in streams if live]

    expected = all(stream in (Direction.SENDONLY, Direction.INACTIVE) for stream in alive) if alive else None

    assert holds(described(*lines)) is expected

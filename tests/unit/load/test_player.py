"""What is read off SIPp's screen."""

from __future__ import annotations

from tests.support.load.player import in_a_pause

HEAD = "                                 Messages  Retrans   Timeout   Unexpected-Msg\n"
CALLS = """         ACK ---------->         {acks:<9} 0
       Pause [    100ms]         {rested:<9}                 0
         BYE ---------->  B-RTD3 {rested:<9} 0         0
"""


def test_given_calls_that_rest_when_the_screen_is_read_then_they_are_counted() -> None:
    assert in_a_pause(HEAD + CALLS.format(acks=336000, rested=335996)) == 4
    assert in_a_pause(HEAD + CALLS.format(acks=336000, rested=336000)) == 0


def test_given_several_pictures_when_read_then_the_last_counts() -> None:
    assert in_a_pause(HEAD + CALLS.format(acks=9, rested=1) + HEAD + CALLS.format(acks=9, rested=9)) == 0


def test_given_the_ack_of_a_challenge_or_of_another_way_when_read_then_nothing_is_made_of_it() -> None:
    challenge = "         ACK ---------->         500       0\n      INVITE ---------->         500       0\n"
    assert in_a_pause(HEAD + challenge + CALLS.format(acks=400, rested=400)) == 0
    assert in_a_pause(HEAD + CALLS.format(acks=105, rested=120000)) == 0
    assert in_a_pause(HEAD + challenge) == in_a_pause("") == 0

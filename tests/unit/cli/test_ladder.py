from kemi.cli.ladder import Message, draw, in_order, retransmitted

ALICE, PROXY, CAROL = "127.0.0.1:5070", "127.0.0.1:5060", "127.0.0.1:5072"
NAMES = {ALICE: "alice", PROXY: "star87", CAROL: "carol"}


def message(
    at_s: float, source: str, target: str, start_line: str, *headers: tuple[str, str], transport: str = "udp"
) -> Message:
    defaults = () if any(name in ("Call-ID", "i") for name, _ in headers) else (("Call-ID", "first@here"),)
    return Message(at_s, source, target, start_line, (*defaults, *headers), transport)


def rows(*messages: Message) -> list[str]:
    return draw(messages, NAMES).splitlines()


def test_given_a_request_when_drawn_then_its_arrow_goes_from_sender_to_receiver_with_method_and_user() -> None:
    heading, _, arrow, *_ = rows(message(5.0, ALICE, PROXY, "INVITE sip:101@pbx.example.com;x=y SIP/2.0"))
    assert heading.split() == ["ms", "alice", "star87"]
    left, line, right = arrow.split("│")
    assert left.split() == ["0.0", "A"]
    assert line.strip("─▶").strip() == "INVITE 101"
    assert line.endswith("▶")
    assert right == ""


def test_given_a_response_when_drawn_then_its_arrow_points_back_to_an_earlier_column() -> None:
    *_, arrow, _, _ = rows(
        message(5.0, ALICE, PROXY, "INVITE sip:101@pbx.example.com SIP/2.0"),
        message(5.0, PROXY, ALICE, "SIP/2.0 486 Busy Here", ("CSeq", "1 INVITE")),
    )
    line = arrow.split("│")[1]
    assert line.startswith("◀")
    assert "486 Busy Here" in line
    assert "▶" not in line


def test_given_a_response_to_another_method_when_drawn_then_the_method_is_told() -> None:
    assert message(0, PROXY, ALICE, "SIP/2.0 200 OK", ("CSeq", "2 BYE")).label == "200 OK (BYE)"


def test_given_a_request_uri_without_user_when_drawn_then_host_and_port_are_told() -> None:
    assert message(0, ALICE, PROXY, "OPTIONS sip:127.0.0.1:5060 SIP/2.0").label == "OPTIONS 127.0.0.1:5060"


def test_given_messages_out_of_order_when_drawn_then_they_stand_by_time_in_ms_since_the_first() -> None:
    late = message(100.25, PROXY, ALICE, "SIP/2.0 180 Ringing", ("CSeq", "1 INVITE"))
    early = message(100.0, ALICE, PROXY, "INVITE sip:101@pbx.example.com SIP/2.0")
    assert in_order([late, early]) == [early, late]
    _, _, first, second, *_ = rows(late, early)
    assert first.split()[0] == "0.0"
    assert second.split()[0] == "250.0"


def test_given_a_message_between_outer_columns_when_drawn_then_its_arrow_spans_the_inner_one() -> None:
    *_, arrow, _, _ = rows(
        message(1.0, ALICE, PROXY, "INVITE sip:101@pbx.example.com SIP/2.0"),
        message(1.1, PROXY, CAROL, "INVITE sip:103@pbx.example.com SIP/2.0"),
        message(1.2, ALICE, CAROL, "BYE sip:103@pbx.example.com SIP/2.0"),
    )
    assert arrow.count("│") == 2
    assert arrow.endswith("▶│")


def test_given_headers_that_matter_when_drawn_then_they_stand_below_their_message() -> None:
    drawn = rows(
        message(
            1.0,
            PROXY,
            ALICE,
            "INVITE sip:101@127.0.0.1:5070 SIP/2.0",
            ("Replaces", "first@here;to-tag=a;from-tag=b;early-only"),
            ("User-Agent", "not told"),
        ),
        message(1.1, ALICE, PROXY, "SIP/2.0 200 OK", ("CSeq", "1 INVITE")),
    )
    assert "Replaces: first@here;to-tag=a;from-tag=b;early-only" in drawn[3]
    assert "200 OK" in drawn[4]
    assert not any("User-Agent" in row for row in drawn)


def test_given_a_header_longer_than_the_ladder_when_drawn_then_it_goes_on_in_the_next_line_unshortened() -> None:
    value = " ".join(f"word{n}" for n in range(40))
    drawn = rows(message(1.0, PROXY, ALICE, "BYE sip:101@127.0.0.1 SIP/2.0", ("Warning", value)))
    told = " ".join(word for row in drawn[3:-2] for word in row.replace("│", " ").split())
    assert told == f"Warning: {value}"
    assert all(len(row) < 120 for row in drawn)


def test_given_the_same_bytes_again_when_drawn_then_they_are_marked_as_a_retransmission() -> None:
    first = message(1.0, ALICE, PROXY, "INVITE sip:101@pbx.example.com SIP/2.0", ("Reason", "SIP;cause=200"))
    again = message(1.5, ALICE, PROXY, "INVITE sip:101@pbx.example.com SIP/2.0", ("Reason", "SIP;cause=200"))
    assert retransmitted([first, again]) == [False, True]
    drawn = rows(first, again)
    assert "again" not in drawn[2]
    assert "INVITE 101 again" in drawn[4]
    assert "╌" in drawn[4]
    assert sum("Reason:" in row for row in drawn) == 1


def test_given_the_same_request_on_another_branch_when_marked_then_it_is_no_retransmission() -> None:
    one = message(1.0, PROXY, CAROL, "INVITE sip:103@x SIP/2.0", ("Via", "SIP/2.0/UDP p;branch=z9hG4bK1"))
    other = message(1.0, PROXY, CAROL, "INVITE sip:103@x SIP/2.0", ("Via", "SIP/2.0/UDP p;branch=z9hG4bK2"))
    assert retransmitted([one, other]) == [False, False]


def test_given_the_same_bytes_over_tcp_when_marked_then_it_is_no_retransmission() -> None:
    one = message(1.0, PROXY, CAROL, "ACK sip:103@x SIP/2.0", transport="tcp")
    assert retransmitted([one, one]) == [False, False]


def test_given_two_calls_when_drawn_then_a_letter_tells_them_apart_with_its_call_id_below() -> None:
    drawn = rows(
        message(1.0, ALICE, PROXY, "INVITE sip:101@x SIP/2.0"),
        message(1.1, CAROL, PROXY, "INVITE sip:*87101@x SIP/2.0", ("i", "second@here")),
    )
    assert drawn[2].split()[1] == "A"
    assert drawn[3].split()[1] == "B"
    assert drawn[-2:] == ["A  Call-ID first@here", "B  Call-ID second@here"]


def test_given_two_addresses_of_one_name_when_drawn_then_they_share_a_column() -> None:
    heading, *_ = draw(
        [
            message(1.0, ALICE, PROXY, "INVITE sip:101@x SIP/2.0"),
            message(1.1, PROXY, "127.0.0.1:40000", "SIP/2.0 100 Trying", ("CSeq", "1 INVITE")),
        ],
        {**NAMES, "127.0.0.1:40000": "alice"},
    ).splitlines()
    assert heading.split() == ["ms", "alice", "star87"]


def test_given_a_host_without_a_name_when_drawn_then_its_address_is_the_heading() -> None:
    heading, *_ = draw([message(1.0, ALICE, PROXY, "INVITE sip:101@x SIP/2.0")], {}).splitlines()
    assert heading.split() == ["ms", ALICE, PROXY]


def test_given_a_host_that_sends_to_itself_when_drawn_then_the_message_stands_at_its_column() -> None:
    *_, arrow, _, _ = rows(message(1.0, PROXY, PROXY, "PUBLISH sip:101@x SIP/2.0"))
    assert arrow.endswith("↺ PUBLISH 101")


def test_given_a_long_label_when_drawn_then_it_is_cut_and_the_columns_stay_in_place() -> None:
    number = "9" * 60
    drawn = rows(
        message(1.0, ALICE, PROXY, f"INVITE sip:{number}@x SIP/2.0"),
        message(1.1, PROXY, ALICE, "SIP/2.0 100 Trying", ("CSeq", "1 INVITE")),
    )
    assert "…" in drawn[2]
    assert [n for n, c in enumerate(drawn[2]) if c == "│"] == [n for n, c in enumerate(drawn[3]) if c == "│"]


def test_given_no_message_when_drawn_then_that_is_said() -> None:
    assert draw([], {}) == "no SIP message"

"""Ways to damage a SIP message. Each takes the message's bytes and a source of chance, and returns other bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

Mutation = Callable[[Random, bytes], bytes]
DATAGRAM_MOST = 65_000
COMPACT = {
    b"From": b"f",
    b"To": b"t",
    b"Via": b"v",
    b"Call-ID": b"i",
    b"Contact": b"m",
    b"Content-Length": b"l",
    b"Content-Type": b"c",
    b"Supported": b"k",
}
METHODS = (
    b"INVITE ACK BYE CANCEL REGISTER OPTIONS PRACK UPDATE REFER NOTIFY INFO MESSAGE SUBSCRIBE PUBLISH GET X %00".split()
)
NUMBERS = (b"0", b"-1", b"00000000007", b"4294967296", b"18446744073709551616", b"9" * 400, b"1e9", b"0x10", b"", b" ")
VALUES = (
    b"",
    b" ",
    b"*",
    b'"',
    b"<",
    b">",
    b"<>",
    b";;;,,,",
    b"sip:",
    b"sip:@",
    b"<sip:@>;tag",
    b"sip:%00@%00",
    b"sip:a@[::1",
    b"sip:a@[fe80::1%25x]:99999",
    b"sip:1@2:0;transport=;lr=;=;maddr=",
    b"tel:+1;ext=;phone-context=",
    b'"\\" <sip:x@y>;tag="',
    b"\xff\xfe",
    b"\xc3\x28\xe2\x82",
    b"%zz%%%0",
    b"a;to-tag=;from-tag=;early-only=",
    b"a;to-tag=1;to-tag=2;from-tag=3",
    b"SIP/2.0/UDP ;branch=",
    b"SIP/2.0/UDP 256.1.1.1:70000;rport;received=x;branch=z9hG4bK",
    b'Digest username="\xff",realm=,nonce="',
    b'Digest username="201", realm="fuzz.example.com", nonce="", uri="", response="", nc=zz, qop=auth',
)
SDP_LINES = (
    b"v=",
    b"o=- -1 99999999999999999999 IN IP6 ::",
    b"c=IN IP4 0.0.0.0",
    b"c=IN IP4 999.1.2.3/127/x",
    b"m=audio -1 RTP/AVP",
    b"m=audio 99999999 RTP/AVP 0 0 0 0",
    b"m=",
    b"a=sendonly",
    b"a=inactive",
    b"a=\xff\x00",
    b"a=candidate:",
    b"=",
)


def _place(rng: Random, raw: bytes) -> int:
    return rng.randrange(len(raw) + 1)


def _parts(raw: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Start line, header fields, what follows them."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    start, *fields = head.split(b"\r\n")
    return start, fields, separator + body


def _whole(start: bytes, fields: list[bytes], rest: bytes) -> bytes:
    return b"\r\n".join([start, *fields]) + rest


def flips_bytes(rng: Random, raw: bytes) -> bytes:
    flipped = bytearray(raw)
    for _ in range(rng.randint(1, 8) if flipped else 0):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def puts_random_bytes(rng: Random, raw: bytes) -> bytes:
    place = _place(rng, raw)
    return raw[:place] + rng.randbytes(rng.randint(1, 40)) + raw[place + rng.randrange(3) :]


def cuts_off(rng: Random, raw: bytes) -> bytes:
    return raw[: _place(rng, raw)]


def cuts_out(rng: Random, raw: bytes) -> bytes:
    place = _place(rng, raw)
    return raw[:place] + raw[place + rng.randint(1, 60) :]


def repeats_a_part(rng: Random, raw: bytes) -> bytes:
    place = _place(rng, raw)
    part = raw[place : place + rng.randint(1, 200)]
    return raw[:place] + part * rng.choice((2, 3, 50)) + raw[place:]


def puts_control_bytes(rng: Random, raw: bytes) -> bytes:
    place = _place(rng, raw)
    return (
        raw[:place] + bytes(rng.choice(b"\0\x01\x07\x0b\x1b\x7f\t\r\n") for _ in range(rng.randint(1, 4))) + raw[place:]
    )


def breaks_utf_8(rng: Random, raw: bytes) -> bytes:
    place = _place(rng, raw)
    odd = rng.choice((b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"))
    return raw[:place] + odd + raw[place:]


def drops_a_field(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    if fields:
        fields.pop(rng.randrange(len(fields)))
    return _whole(start, fields, rest)


def doubles_a_field(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    if fields:
        fields.insert(rng.randrange(len(fields)), rng.choice(fields))
    return _whole(start, fields, rest)


def shuffles_fields(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    rng.shuffle(fields)
    return _whole(start, fields, rest)


def swaps_values(rng: Random, raw: bytes) -> bytes:
    """One field gets another's value."""
    start, fields, rest = _parts(raw)
    if len(fields) > 1:
        one, other = rng.sample(range(len(fields)), 2)
        fields[one] = fields[one].partition(b":")[0] + b":" + fields[other].partition(b":")[2]
    return _whole(start, fields, rest)


def puts_an_odd_value(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    if fields:
        place = rng.randrange(len(fields))
        fields[place] = fields[place].partition(b":")[0] + b": " + rng.choice(VALUES)
    return _whole(start, fields, rest)


def puts_an_odd_target(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    method, _, after = start.partition(b" ")
    return _whole(b" ".join((method, rng.choice(VALUES), after.rpartition(b" ")[2])), fields, rest)


def puts_an_odd_method(rng: Random, raw: bytes) -> bytes:
    """In the start line, or everywhere."""
    method, other = raw.partition(b" ")[0], rng.choice(METHODS)
    if rng.random() < 0.5:
        return raw.replace(method, other, 1)
    return raw.replace(method, other) if method else raw


def puts_a_number(rng: Random, raw: bytes) -> bytes:
    """One run of digits becomes another, too big or none."""
    found = list(re.finditer(rb"\d+", raw))
    if not found:
        return raw
    digits = rng.choice(found)
    return raw[: digits.start()] + rng.choice(NUMBERS) + raw[digits.end() :]


def stretches_a_token(rng: Random, raw: bytes) -> bytes:
    place = _place(rng, raw)
    return (
        raw[:place]
        + rng.choice((b"a", b"1", b"%41", b";x", b",", b" ", b'"')) * rng.choice((70, 300, 1100, 9000))
        + raw[place:]
    )


def adds_fields(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    names = [field.partition(b":")[0] for field in fields] or [b"X"]
    names += [
        b"Route",
        b"Record-Route",
        b"Replaces",
        b"Join",
        b"Require",
        b"Proxy-Require",
        b"Path",
        b"P-Asserted-Identity",
    ]
    for _ in range(rng.choice((1, 2, 200))):
        fields.append(rng.choice(names) + b": " + rng.choice(VALUES))
    return _whole(start, fields, rest)


def lies_about_the_length(rng: Random, raw: bytes) -> bytes:
    value = rng.choice((*NUMBERS, b"1", b"20", b"9999"))
    return re.sub(rb"(?i)(Content-Length\s*:)[^\r]*", lambda m: m[1] + b" " + value, raw, count=1)


def damages_the_sdp(rng: Random, raw: bytes) -> bytes:
    head, separator, body = raw.partition(b"\r\n\r\n")
    lines = body.split(b"\r\n")
    for _ in range(rng.randint(1, 3)):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(SDP_LINES))
    if rng.random() < 0.5:
        lines.pop(rng.randrange(len(lines)))
    body = b"\r\n".join(lines)
    head = re.sub(rb"(?i)(Content-Length:) *\d+", lambda m: m[1] + b" %d" % len(body), head)
    return head + separator + body


def writes_compact(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    for place, field in enumerate(fields):
        name, _, value = field.partition(b":")
        if rng.random() < 0.7:
            fields[place] = (
                rng.choice((COMPACT.get(name, name), name.upper(), name.lower()))
                + rng.choice((b":", b" :", b"\t: "))
                + value
            )
    return _whole(start, fields, rest)


def folds(rng: Random, raw: bytes) -> bytes:
    start, fields, rest = _parts(raw)
    for place, field in enumerate(fields):
        blanks = [m.start() for m in re.finditer(b" ", field)]
        if blanks and rng.random() < 0.3:
            at = rng.choice(blanks)
            fields[place] = field[:at] + rng.choice((b"\r\n ", b"\r\n\t", b"\n ", b"\r ")) + field[at + 1 :]
    return _whole(start, fields, rest)


def ends_lines_otherwise(rng: Random, raw: bytes) -> bytes:
    return raw.replace(b"\r\n", rng.choice((b"\n", b"\r", b"\r\r\n", b"\r\n\r\n")))


def escapes(rng: Random, raw: bytes) -> bytes:
    found = list(re.finditer(rb"[A-Za-z0-9]", raw[:400]))
    if not found:
        return raw
    place = rng.choice(found).start()
    return raw[:place] + rng.choice((b"%%%02X" % raw[place], b"%00", b"%", b"%2A87", b"%23")) + raw[place + 1 :]


def adds_another_message(rng: Random, raw: bytes) -> bytes:
    """Behind it, or in the place of its end."""
    return raw[: rng.choice((len(raw), _place(rng, raw)))] + raw


MUTATIONS: tuple[Mutation, ...] = (
    flips_bytes,
    puts_random_bytes,
    cuts_off,
    cuts_out,
    repeats_a_part,
    puts_control_bytes,
    breaks_utf_8,
    drops_a_field,
    doubles_a_field,
    shuffles_fields,
    swaps_values,
    puts_an_odd_value,
    puts_an_odd_target,
    puts_an_odd_method,
    puts_a_number,
    stretches_a_token,
    adds_fields,
    lies_about_the_length,
    damages_the_sdp,
    writes_compact,
    folds,
    ends_lines_otherwise,
    escapes,
    adds_another_message,
)


def mutated(rng: Random, raw: bytes) -> bytes:
    """One to three of them, one after another; one in fifty is left whole."""
    if rng.random() < 0.02:
        return raw
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        raw = rng.choice(MUTATIONS)(rng, raw)
    return raw[:DATAGRAM_MOST]

"""The messages of RFC 4475: what each is about, what the RFC says of it, and what this node answers.

They are read from ../shared/data/rfc4475 (`valid` and `invalid`), beside the project's folder. Each is sent as it
stands, from an address that is nobody's, to a node that serves example.com, example.net and example.org. Of what is
well-formed the challenge (401, 407) shows that it was read to its end: a node asks who it is before anything else.
test_behind_the_challenge.py sends what lies behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "rfc4475"
SILENCE = 0
"""No answer."""
CLOSED = -1
"""No answer, and the connection is closed: where the next message begins on it nobody knows."""
CHALLENGE_REGISTER, CHALLENGE = 401, 407


@dataclass(frozen=True, slots=True)
class Torture:
    """name: of the file. says: what RFC 4475 says of it. udp, tcp: what comes back, in order."""

    name: str
    section: str
    about: str
    says: str
    udp: tuple[int, ...]
    tcp: tuple[int, ...]

    def raw(self) -> bytes:
        return next(FOLDER.glob(f"*/{self.name}.dat")).read_bytes()


def _answered(name: str, section: str, about: str, says: str, *statuses: int) -> Torture:
    """The same over either transport."""
    return Torture(name, section, about, says, statuses, statuses)


def _unreadable(name: str, section: str, about: str, says: str) -> Torture:
    """Kamailio cannot read enough of it to answer."""
    return Torture(name, section, about, says, (SILENCE,), (CLOSED,))


VALID = (
    Torture(
        "wsinv",
        "3.1.1.1",
        "folding and blanks wherever the grammar allows them",
        "a valid INVITE. Kamailio 5.6 reads no CSeq that is folded between number and method: see Limits in README.md",
        (SILENCE,),
        (CLOSED,),
    ),
    _answered(
        "intmeth",
        "3.1.1.2",
        "an odd method; every character that a token, a user part and a quoted string may hold, NUL and UTF-8 too",
        "valid; a method that nobody knows is forwarded",
        CHALLENGE,
    ),
    _answered("esc01", "3.1.1.3", "escapes in URIs, %lr among the parameters", "valid; compare unescaped", CHALLENGE),
    _answered("escnull", "3.1.1.4", "%00 in user parts", "valid; it must not end a text", CHALLENGE_REGISTER),
    _answered(
        "esc02",
        "3.1.1.5",
        "percent signs where they escape nothing: method, display name, header field name",
        "valid; the method is not REGISTER, the field not Contact, and the proxy forwards it",
        CHALLENGE,
    ),
    _answered("lwsdisp", "3.1.1.6", "no blank between a display name and <", "valid", CHALLENGE),
    _answered("longreq", "3.1.1.7", "long values, 34 Vias, compact and odd-cased names", "valid", CHALLENGE),
    Torture(
        "dblreq",
        "3.1.1.8",
        "a second request in the same datagram",
        "what follows the body in a datagram is discarded, so INVITE is not heard; on a stream it is one more request, "
        "and what follows that one breaks the stream",
        (CHALLENGE_REGISTER,),
        (CHALLENGE_REGISTER, CHALLENGE, CLOSED),
    ),
    _answered("semiuri", "3.1.1.9", "a semicolon in the user part", "valid; it begins no parameter", CHALLENGE),
    _answered("transports", "3.1.1.10", "Vias of many transports, one unknown", "valid", CHALLENGE),
    _answered("mpart01", "3.1.1.11", "a MESSAGE with a multipart body of any bytes", "valid", CHALLENGE),
    _answered("unreason", "3.1.1.12", "a 200 with a reason in UTF-8", "valid; nobody asked: dropped", SILENCE),
    _answered("noreason", "3.1.1.13", "a 100 without a reason", "valid; nobody asked: dropped", SILENCE),
)

INVALID = (
    _unreadable("badinv01", "3.1.2.1", "separators without values in Via and Contact", "400, or ignore the Via"),
    Torture(
        "clerr",
        "3.1.2.2",
        "Content-Length beyond the datagram",
        "400; on a stream more is waited for",
        (400,),
        (SILENCE,),
    ),
    _unreadable("ncl", "3.1.2.3", "a negative Content-Length", "400, and the stream is closed"),
    _answered(
        "scalar02",
        "3.1.2.4",
        "numbers beyond their types in a request",
        "400: CSeq and Expires are too big for what they are",
        400,
    ),
    _answered("scalarlg", "3.1.2.5", "numbers beyond their types in an answer", "discard it", SILENCE),
    _unreadable("quotbal", "3.1.2.6", "a quote in To that is not closed", "400; a proxy may forward it"),
    _answered("ltgtruri", "3.1.2.7", "<> around the Request-URI", "400", 400),
    _unreadable("lwsruri", "3.1.2.8", "blanks inside the Request-URI", "400"),
    _unreadable("lwsstart", "3.1.2.9", "two blanks in the start line", "400"),
    _answered("trws", "3.1.2.10", "blanks after the start line", "400, or accept it as if they were not", CHALLENGE),
    _answered(
        "escruri",
        "3.1.2.11",
        "a Route escaped into the Request-URI",
        "400, or take the header part off; the Route must not be followed",
        CHALLENGE,
    ),
    _answered("baddate", "3.1.2.12", "a Date that is not in GMT", "a proxy forwards it", CHALLENGE),
    _answered(
        "regbadct",
        "3.1.2.13",
        "a Contact with ? outside of <>",
        "400; a registrar must not take it apart elsewhere",
        CHALLENGE_REGISTER,
    ),
    _answered("badaspec", "3.1.2.14", "blanks inside <> of To", "400, or as if they were not there", CHALLENGE),
    Torture(
        "baddn",
        "3.1.2.15",
        "display names with a comma and no quotes; here without the line that ends a header",
        "400, or accept them",
        (400,),
        (SILENCE,),
    ),
    _unreadable("badvers", "3.1.2.16", "SIP/7.0", "505, which goes where the Via says; that is SIP/7.0 as well"),
    _answered("mismatch01", "3.1.2.17", "CSeq of another method, a known one", "400", 400),
    _answered("mismatch02", "3.1.2.18", "CSeq of another method, the request's unknown", "400 or 501", 400),
    _unreadable("bigcode", "3.1.2.19", "an answer with status 4294967301", "discard it"),
    _answered("badbranch", "3.2.1", "a branch that is only z9hG4bK", "no crash, no transaction with others", CHALLENGE),
    _unreadable("insuf", "3.3.1", "no From, To or Call-ID", "400 if it can be answered at all"),
    _answered("unkscm", "3.3.2", "a Request-URI of an unknown scheme", "416", 416),
    _answered("novelsc", "3.3.3", "a Request-URI of a known scheme that is not SIP's", "416", 416),
    _answered("unksm2", "3.3.4", "To, From and Contact of other schemes", "400 from a registrar", 400),
    _answered("bext01", "3.3.5", "Proxy-Require and Require that nobody supports", "420, naming Proxy-Require's", 420),
    _answered("invut", "3.3.6", "a body of an unknown type", "415 from who is called, not from a proxy", CHALLENGE),
    _answered(
        "regaut01", "3.3.7", "Authorization of an unknown scheme", "ignored: 401 with a challenge", CHALLENGE_REGISTER
    ),
    _unreadable("multi01", "3.3.8", "fields twice that may be there once", "400, or nothing"),
    _unreadable("mcl01", "3.3.9", "two Content-Lengths", "400; on a stream the connection is closed"),
    _answered("bcast", "3.3.10", "a 200 whose second Via is 255.255.255.255", "discard it", SILENCE),
    _answered("zeromf", "3.3.11", "Max-Forwards: 0", "483", 483),
    _answered(
        "cparam01", "3.3.12", "a Contact parameter outside of <>", "valid, of the header field", CHALLENGE_REGISTER
    ),
    _answered("cparam02", "3.3.13", "a URI parameter in a Contact", "valid, of the URI", CHALLENGE_REGISTER),
    _answered("regescrt", "3.3.14", "a Route escaped into a Contact", "it is kept, not followed", CHALLENGE_REGISTER),
    _answered("sdp01", "3.3.15", "Accept names no known type", "406 from who is called, not from a proxy", CHALLENGE),
    Torture(
        "inv2543",
        "4.1",
        "an INVITE of RFC 2543: no branch, no tag, no Content-Length",
        "valid for compatibility; on a stream it cannot be framed",
        (CHALLENGE,),
        (CLOSED,),
    ),
    _unreadable("test", "-", "an INVITE without a version, a Via and much else; not in the RFC", "400, or nothing"),
)
MESSAGES = (*VALID, *INVALID)

"""OPTIONS for a server itself, as bytes: whether something there answers (RFC 3261 §11)."""

from __future__ import annotations


def options_request(transport: str, target: str, via_host: str, via_port: int, token: str) -> bytes:
    """A Request-URI without user (RFC 5626 §4.4.1 style).

    target: host:port. token: makes branch, tag and Call-ID unique.
    """
    own = f"[{via_host}]:{via_port}" if ":" in via_host else f"{via_host}:{via_port}"
    return (
        f"OPTIONS sip:{target};transport={transport} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport.upper()} {own};branch=z9hG4bK{token};rport\r\n"
        f"Max-Forwards: 1\r\n"
        f"From: <sip:star87@{own}>;tag={token}\r\n"
        f"To: <sip:{target}>\r\n"
        f"Call-ID: {token}@star87\r\n"
        f"CSeq: 1 OPTIONS\r\n"
        f"Content-Length: 0\r\n\r\n"
    ).encode()


def status_of(answer: bytes) -> int | None:
    """The status code of a SIP response; None for anything else."""
    words = answer[:64].split(b" ", 2)
    if len(words) < 2 or words[0] != b"SIP/2.0" or not words[1].isdigit():
        return None
    return int(words[1])


def reason_of(answer: bytes) -> str:
    """The reason phrase of a SIP response."""
    return answer.partition(b"\r\n")[0].split(b" ", 2)[-1].decode(errors="replace")

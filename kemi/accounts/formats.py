"""What one value of the provisioning document must look like.

Each function returns what is wrong and how to put it right, or "" when the value is good.
"""

from __future__ import annotations

import ipaddress
import re

from kemi.accounts.faults import shown

_NUMBER = re.compile(r"[0-9]{1,20}")
_PATTERN = re.compile(r"[0-9]{1,20}|[0-9]{0,20}\*")
_FEATURE_CODE = re.compile(r"[*#][0-9*#]{1,7}")
_HA1 = re.compile(r"[0-9A-Fa-f]{32}")
_DID = re.compile(r"\+?[0-9]{1,20}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# RFC 3261 §25.1, without header fields ("?…"): they would let a target write into the INVITE.
_SIP_URI = re.compile(
    r"sips?:"
    r"(?:(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+"
    r"(?::(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*)?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:;(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$=]|%[0-9A-Fa-f]{2})+)*",
    re.IGNORECASE,
)


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def number_fault(text: str) -> str:
    if is_number(text):
        return ""
    return f"{shown(text)} is no number; write 1 to 20 digits and nothing else"


def pattern_fault(text: str) -> str:
    """An extension number, digits followed by one `*`, or `*`."""
    if _PATTERN.fullmatch(text):
        return ""
    return f'{shown(text)} is no pattern; write an extension number, a prefix like "10*", or "*"'


def feature_code_fault(text: str) -> str:
    if _FEATURE_CODE.fullmatch(text):
        return ""
    return f'{shown(text)} is no feature code; write "*" or "#", then 1 to 7 of digits, "*" and "#", like "*87"'


def ha1_fault(text: str) -> str:
    """The value is a secret: the message does not repeat it."""
    if _HA1.fullmatch(text):
        return ""
    return "is no HA1; write the MD5 of number:domain:password as 32 hexadecimal digits"


def name_fault(text: str) -> str:
    """Names are shown on phones: they travel in header fields, so a line break must not get in."""
    if 1 <= len(text) <= 64 and text.isprintable():
        return ""
    return f"{shown(text)} is no name; write 1 to 64 printable characters on one line"


def domain_fault(text: str) -> str:
    """Letters, digits, '-' and '.' only (RFC 1123 §2.1): a domain is also part of the store's keys."""
    if _is_hostname(text):
        return ""
    return f'{shown(text)} is no domain name; write letters, digits, "-" and ".", like pbx.example.com'


def sip_uri_fault(text: str) -> str:
    """A SIP or SIPS URI without header fields (RFC 3261 §19.1.1)."""
    found = _SIP_URI.fullmatch(text)
    if found and _is_host(found["host"]) and (found["port"] is None or _is_port(found["port"])):
        return ""
    return f"{shown(text)} is no SIP URI; write it like sip:101@vm.example.com, without <> and ?headers"


def source_fault(text: str) -> str:
    """An address and a port: `192.0.2.1:5060` or `[2001:db8::1]:5060`."""
    host, _, port = text.rpartition(":")
    if _is_address(host) and _is_port(port):
        return ""
    return f"{shown(text)} is no source; write an address and a port, like 192.0.2.1:5060"


def did_fault(text: str) -> str:
    if _DID.fullmatch(text):
        return ""
    return f'{shown(text)} is no dialled number; write 1 to 20 digits, with or without a "+" before them'


def outbound_prefix_fault(text: str) -> str:
    if text == "+" or _DID.fullmatch(text):
        return ""
    return f'{shown(text)} is no prefix; write "+", digits, or "+" and digits'


def account_fault(text: str) -> str:
    """`number@domain`."""
    number, _, domain = text.partition("@")
    if is_number(number) and _is_hostname(domain):
        return ""
    return f"{shown(text)} names no account; write number@domain, like 101@pbx.example.com"


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def _is_host(text: str) -> bool:
    return _is_address(text) if text.startswith("[") else _is_hostname(text)


def _is_address(text: str) -> bool:
    """IPv4, or IPv6 in brackets."""
    try:
        if text.startswith("[") and text.endswith("]"):
            ipaddress.IPv6Address(text[1:-1])
            return "%" not in text  # a zone names an interface of one host only
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535

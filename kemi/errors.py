"""What can go wrong, each with the SIP answer it becomes.

Star87Error
├── RequestRefused            final answer to a request (status, reason, warning)
│   ├── MalformedReplaces     400 a Replaces header that RFC 3891 §6.1 does not know, or more than one
│   ├── NotAuthorized         403 a user says who he is not, or has no right to the service
│   ├── UnknownDomain         403 the request is for a domain that is not served here
│   ├── SourceBlocked         403 too much without authority came from this address
│   ├── TooManyFailures       403 too many wrong passwords for this user from this address
│   ├── MayNotWatch           403 the account does not let this extension watch its lamp
│   ├── NoSuchAccount         404 the domain has no account of that number
│   ├── MethodNotAllowed      405 the target does not take requests of this kind
│   ├── NotReachable          480 the account exists and nobody can be rung
│   ├── CallIsBeingSent       480 a pickup is carried out by a call to the device that dialled
│   ├── NodeDrains            503 the node takes no new calls: it is about to stop
│   ├── NotTaken              599 that device did not take it (never leaves this node)
│   ├── NoSuchDialog          481 no call that is known here
│   └── PickupRefused         an attempt to pick up that ends without a call
│       ├── NotPermitted      403
│       │   └── TargetHidden  403 there is no such account, and the picker is not to know that
│       ├── RateLimited       403 the picker was refused too often in the last minute
│       ├── UnknownTarget     404
│       ├── NothingEligible   480
│       ├── AlreadyAnswered   410
│       ├── NotOnHold         486
│       ├── MediaRefused      488
│       └── PickupUnavailable 503
├── KeyspaceRefused           the state store's keyspace is of a release that this one cannot work with
├── StoreUnavailable          503 the state store did not answer in time
└── NotProvisioned            503 no provisioning document has reached this node yet
"""

from __future__ import annotations

from typing import ClassVar


class Star87Error(Exception):
    """Every error that Star87 raises of its own accord."""


class RequestRefused(Star87Error):
    """A request ends with this final answer.

    status, reason: the status line (RFC 3261 §21). warning: free text for a
    `Warning: 399` header (RFC 3261 §20.43), empty for none. retry_after_s: 0 for none (§20.33).
    """

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "Server Internal Error"
    retry_after_s: int = 0

    def __init__(self, warning: str = "", *, retry_after_s: int = 0) -> None:
        super().__init__(warning or self.reason)
        self.warning = warning
        self.retry_after_s = retry_after_s or self.retry_after_s


class MalformedReplaces(RequestRefused):
    status, reason = 400, "Bad Request"


class NotAuthorized(RequestRefused):
    status, reason = 403, "Forbidden"


class UnknownDomain(RequestRefused):
    status, reason = 403, "Domain Not Served"


class SourceBlocked(RequestRefused):
    status, reason = 403, "Forbidden"


class TooManyFailures(RequestRefused):
    status, reason = 403, "Forbidden"


class MayNotWatch(RequestRefused):
    status, reason = 403, "Watching Not Permitted"


class NoSuchAccount(RequestRefused):
    status, reason = 404, "Not Found"


class MethodNotAllowed(RequestRefused):
    status, reason = 405, "Method Not Allowed"


class NotReachable(RequestRefused):
    status, reason = 480, "Temporarily Unavailable"


class CallIsBeingSent(RequestRefused):
    status, reason = 480, "Call Is Being Sent To You"


class NotTaken(RequestRefused):
    """The one answer that every other branch's goes before (RFC 3261 §16.7 step 6)."""

    status, reason = 599, "Not Taken"


class NodeDrains(RequestRefused):
    """RFC 3261 §21.5.4: who gets it sends the call elsewhere, and comes back after that time."""

    status, reason = 503, "Node Is Draining"
    retry_after_s = 10


class NoSuchDialog(RequestRefused):
    status, reason = 481, "Call/Transaction Does Not Exist"


class Terminated(NotTaken):
    """Where the caller may hear it, who gives up in that very moment."""

    status, reason = 487, "Request Terminated"


class PickupRefused(RequestRefused):
    """An attempt to pick up ended without a call; `outcome` names it in the record."""

    outcome: ClassVar[str] = "refused"


class NotPermitted(PickupRefused):
    status, reason, outcome = 403, "Pickup Not Permitted", "not_permitted"


class TargetHidden(NotPermitted):
    """Alike in everything but the record, which keeps the truth."""

    outcome = "no_such_account"


class RateLimited(PickupRefused):
    """is_first: the first of its minute; only that one is recorded, or one picker could drive out all else."""

    status, reason, outcome = 403, "Pickup Not Permitted", "rate_limited"

    def __init__(self, warning: str = "", *, retry_after_s: int = 0, is_first: bool = True) -> None:
        super().__init__(warning, retry_after_s=retry_after_s)
        self.is_first = is_first


class UnknownTarget(PickupRefused):
    status, reason, outcome = 404, "No Such Account", "no_such_account"


class NothingEligible(PickupRefused):
    status, reason, outcome = 480, "No Call To Pick Up", "nothing_eligible"


class AlreadyAnswered(PickupRefused):
    status, reason, outcome = 410, "Already Answered", "already_answered"


class NotOnHold(PickupRefused):
    status, reason, outcome = 486, "Hold Your Current Call First", "not_on_hold"


class NotRegistered(PickupRefused):
    """A pickup from the console rings the picker's own phones, and there is none."""

    status, reason, outcome = 480, "Your Phone Is Not Registered", "not_registered"


class MediaRefused(PickupRefused):
    status, reason, outcome = 488, "Not Acceptable Here", "media_refused"


class PickupUnavailable(PickupRefused):
    status, reason, outcome = 503, "Service Unavailable", "store_unavailable"
    retry_after_s = 2


class KeyspaceRefused(Star87Error):
    """The state store's keyspace is too new, or too old, for this release; the message says what to do."""


class StoreUnavailable(Star87Error):
    """The state store did not answer in time, or refused; what was asked may not have happened."""


class NotProvisioned(Star87Error):
    """No provisioning document has reached this node yet: nothing can be routed, nothing is guessed."""

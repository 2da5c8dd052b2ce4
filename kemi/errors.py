"""What can go wrong, each with the SIP answer it becomes.

Star87Error
├── RequestRefused            final answer to a request (status, reason, warning)
│   ├── NotAuthorized         403 a user says who he is not, or has no right to the service
│   ├── UnknownDomain         403 the request is for a domain that is not served here
│   ├── NoSuchAccount         404 the domain has no account of that number
│   ├── MethodNotAllowed      405 the target does not take requests of this kind
│   ├── NotReachable          480 the account exists and nobody can be rung
│   └── PickupRefused         an attempt to pick up that ends without a call
│       ├── NotPermitted      403
│       ├── UnknownTarget     404
│       ├── NothingEligible   480
│       ├── AlreadyAnswered   410
│       ├── NotOnHold         486
│       ├── MediaRefused      488
│       └── PickupUnavailable 503
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
    `Warning: 399` header (RFC 3261 §20.43), empty for none.
    """

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "Server Internal Error"
    retry_after_s: ClassVar[int] = 0

    def __init__(self, warning: str = "") -> None:
        super().__init__(warning or self.reason)
        self.warning = warning


class NotAuthorized(RequestRefused):
    status, reason = 403, "Forbidden"


class UnknownDomain(RequestRefused):
    status, reason = 403, "Domain Not Served"


class NoSuchAccount(RequestRefused):
    status, reason = 404, "Not Found"


class MethodNotAllowed(RequestRefused):
    status, reason = 405, "Method Not Allowed"


class NotReachable(RequestRefused):
    status, reason = 480, "Temporarily Unavailable"


class PickupRefused(RequestRefused):
    """An attempt to pick up ended without a call; `outcome` names it in the record."""

    outcome: ClassVar[str] = "refused"


class NotPermitted(PickupRefused):
    status, reason, outcome = 403, "Pickup Not Permitted", "not_permitted"


class UnknownTarget(PickupRefused):
    status, reason, outcome = 404, "No Such Account", "no_such_account"


class NothingEligible(PickupRefused):
    status, reason, outcome = 480, "No Call To Pick Up", "nothing_eligible"


class AlreadyAnswered(PickupRefused):
    status, reason, outcome = 410, "Already Answered", "already_answered"


class NotOnHold(PickupRefused):
    status, reason, outcome = 486, "Hold Your Current Call First", "not_on_hold"


class MediaRefused(PickupRefused):
    status, reason, outcome = 488, "Not Acceptable Here", "media_refused"


class PickupUnavailable(PickupRefused):
    status, reason, outcome = 503, "Service Unavailable", "store_unavailable"
    retry_after_s = 2


class StoreUnavailable(Star87Error):
    """The state store did not answer in time, or refused; what was asked may not have happened."""


class NotProvisioned(Star87Error):
    """No provisioning document has reached this node yet: nothing can be routed, nothing is guessed."""

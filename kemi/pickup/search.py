"""Finding and claiming the next call that an attempt may have."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable

from kemi.accounts.directory import Directory
from kemi.accounts.model import DomainSettings
from kemi.errors import AlreadyAnswered, NotPermitted, PickupUnavailable, StoreUnavailable, UnknownTarget
from kemi.pickup.attempt import Attempt, Target
from kemi.pickup.claim import Claim, PickupStore, Wanted
from kemi.pickup.policy import Scope, scope_of
from kemi.sip.aor import Aor
from kemi.sip.feature_code import PickupCode


class Search:
    def __init__(self, directory: Callable[[], Directory], store: PickupStore) -> None:
        self._directory = directory
        self._store = store

    def scope(self, attempt: Attempt) -> Scope:
        """Where the attempt may look. Raises NotPermitted (403), UnknownTarget (404), RateLimited (403)."""
        picker = Aor(attempt.picker, attempt.domain)
        try:
            return scope_of(self._directory(), picker, PickupCode(attempt.account))
        except (NotPermitted, UnknownTarget):
            # Without the store nobody can count; the refusal stands all the same.
            with contextlib.suppress(StoreUnavailable):
                self._store.denied(picker)
            raise

    def claim(self, attempt: Attempt, scope: Scope) -> Claim | None:
        """Claim the next call that has not been tried; None when there is none. Raises PickupRefused."""
        settings = self.settings(attempt.domain)
        wanted = Wanted(
            picker=Aor(attempt.picker, attempt.domain),
            token=secrets.token_urlsafe(9),
            grants=scope.grants,
            number=scope.account.number if scope.account else "",
            kind=scope.account.kind if scope.account else None,
            device=attempt.device if settings.require_hold else "",
            tried=attempt.tried,
            includes_group_calls=settings.directed_includes_group_calls,
            only=attempt.only,
        )
        try:
            return self._store.claim(wanted)
        except AlreadyAnswered:
            lost = attempt.target
            if lost is None or not attempt.sent or lost.key in attempt.tried:
                raise
            # It was this attempt's own claim that is remembered: the caller has given up, nobody was faster.
            return self.claim(attempt.after(lost), scope)
        except StoreUnavailable as failure:
            raise PickupUnavailable("the state of calls is not known at the moment; try again") from failure

    def target(self, attempt: Attempt, claim: Claim) -> tuple[Target, str]:
        """The claimed call as the attempt goes after it; with why it cannot, '' when it can."""
        target = self.named(attempt.domain, claim)
        account = self._directory().account(attempt.domain, target.number)
        # The index may lag behind a permission that was withdrawn a moment ago; the directory does not.
        if account is None or not account.permission.may_pick_up(attempt.picker):
            return target, f"{target.number} does not let {attempt.picker} pick up its calls"
        fresh = tuple(tag for tag in target.callee_tags if target.early_dialog(tag) not in attempt.unknown)
        if target.callee_tags and not fresh:
            fresh = target.callee_tags[:1]
            # Once more: the Replaces may have overtaken the answer by which the caller's device came to know it.
            if attempt.unknown[-1] == target.early_dialog(fresh[0]):
                return target, attempt.obstacle
        return target._replace(callee_tags=fresh), ""

    def named(self, domain: str, claim: Claim) -> Target:
        """A call with the name of the account that it is for."""
        account = self._directory().account(domain, claim.call.number)
        return Target.of(claim, (account.name if account else "") or claim.call.number)

    def settings(self, domain: str) -> DomainSettings:
        settings = self._directory().settings(domain)
        assert settings is not None, "an account without its domain"
        return settings

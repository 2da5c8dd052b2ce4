"""The media relay, behind Kamailio's module rtpengine.

Only loaded, and so only called, when the setting `rtpengine` names one (kamailio.cfg).
"""

from __future__ import annotations

import KSR

BRANCH = "via-branch=extra"
"""Names a branch by a variable (extra_id_pv in kamailio.cfg): each has ports of its own, and each answer finds them."""
VARIABLE = "$avp(media_branch)"
AT_ONCE = "delete-delay=0"
ADDRESSES = "replace-origin replace-session-connection"


class KamailioMedia:
    """Implements kemi.routing.media.MediaProxy. The module logs what fails, and leaves the message as it was."""

    def offer(self, branch: str, *, ice: bool) -> None:
        KSR.rtpengine.rtpengine_offer(_flags(branch, ice))

    def answer(self, branch: str, *, ice: bool) -> None:
        KSR.rtpengine.rtpengine_answer(_flags(branch, ice))

    def delete_branch(self, branch: str) -> None:
        KSR.pv.sets(VARIABLE, branch)
        KSR.rtpengine.rtpengine_delete(f"{BRANCH} {AT_ONCE}")

    def delete_dialog(self) -> None:
        KSR.rtpengine.rtpengine_delete(f"to-tag {AT_ONCE}")

    def delete_call(self) -> None:
        KSR.rtpengine.rtpengine_delete(AT_ONCE)


def _flags(branch: str, ice: bool) -> str:
    if branch:
        KSR.pv.sets(VARIABLE, branch)
    return " ".join((ADDRESSES, "ICE=force" if ice else "ICE=remove", *([BRANCH] if branch else [])))

"""HTTP on the node's stream sockets, in Kamailio's xhttp and websocket: loaded only where WebSocket is wanted."""

from __future__ import annotations

import KSR


class KamailioHttp:
    """Implements kemi.routing.websocket.Http."""

    @property
    def asks_for_websocket(self) -> bool:
        try:
            upgrade, connection = str(KSR.hdr.get("Upgrade") or ""), str(KSR.hdr.get("Connection") or "")
        except UnicodeDecodeError:
            return False
        return "websocket" in upgrade.lower() and "upgrade" in connection.lower()

    def shake_hands(self) -> None:
        KSR.websocket.handle_handshake()

    def refuse(self, status: int, reason: str, headers: tuple[str, ...] = ()) -> None:
        for line in headers:
            KSR.hdr.append_to_reply(line + "\r\n")
        KSR.xhttp.xhttp_reply(status, reason, "", "")

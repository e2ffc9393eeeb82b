"""What to do about a server that opens no session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from duologue.cli.doctor.target import DoctorTarget
from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound

__all__ = ["NO_UPGRADE", "refusal_remedy"]

NO_UPGRADE: Final = (
    "have the proxy on the way pass WebSockets on; nginx: proxy_http_version 1.1; proxy_set_header Upgrade"
    ' $http_upgrade; proxy_set_header Connection "upgrade"'
)

_NO_PATH: Final = "check the path: the Realtime API is usually at /v1/realtime"

_BY_STATUS: Final[Mapping[int, str]] = {
    402: "look at the account: the service asks for payment",
    404: _NO_PATH,
    405: _NO_PATH,
    407: "name the proxy with its password: HTTPS_PROXY=http://name:password@host:port",
    410: _NO_PATH,
    421: "connect by a name that the server serves",
    426: NO_UPGRADE,
    429: "wait, or end other sessions: the server allows so many at once, and so many a minute",
    431: "send fewer or shorter headers: cookies, or a key that is none",
    500: "look at the server's log",
    501: "ask for a WebSocket where there is one: this server has none at this path",
    502: "look at the server behind the proxy: the proxy answers, and does not reach it",
    503: "try again in a moment; if it stays so, look at the server's log and at its limits",
    504: "look at the server behind the proxy: it did not answer the proxy in time",
}
"""By the HTTP status of a refused handshake."""

_ORIGIN: Final = "origin"


def refusal_remedy(fault: ConnectFailed, target: DoctorTarget, proxies: Sequence[str] = ()) -> str:
    """What to do about a refused WebSocket; `proxies` are signs of those on the way."""
    match fault:
        case AuthenticationFailed() if target.endpoint.api_key is None:
            return "give a key: --api-key KEY, or set OPENAI_API_KEY"
        case AuthenticationFailed():
            return "check the key: is it whole, of this service, not expired, and allowed to use the Realtime API?"
        case ModelNotFound() if target.endpoint.session_model is None:
            return "name a model that the server has: --model NAME"
        case ModelNotFound():
            return "name another model: --model NAME; at many servers GET /v1/models lists them"
        case _:
            pass
    if _ORIGIN in str(fault).lower() and target.origin is not None:
        return f"allow pages of this origin at the server: duologue serve --allow-origin {target.origin}"
    if fault.status is not None and fault.status in _BY_STATUS:
        return _BY_STATUS[fault.status]
    if fault.status is not None and fault.status < 300:
        return NO_UPGRADE if proxies else f"{_NO_PATH}; or {NO_UPGRADE}"
    if fault.status == 403:
        return "check the key and what it may do; some servers answer so to a wrong path too"
    if fault.status is not None and 300 <= fault.status < 400:
        return "connect to the address to which the server redirects"
    if fault.status is not None:
        return "read what the server says, and look at its log"
    return (
        "look at the server's log; if HTTP works and this does not, a proxy on the way holds the upgrade back: try it"
        " on the server's own machine"
    )

"""What a proxy does with the handshake of a WebSocket: where it goes, what goes along, and how it is answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from duologue.codec.jsontext import write_text
from duologue.errors import ConnectFailed
from duologue.faults.planned import PlannedFault
from duologue.transports.addresses import without_secrets
from duologue.transports.http_answers import HttpAnswer, refusal
from duologue.transports.secret_masks import SecretMask

__all__ = ["check_target", "fault_answer", "forwarded_headers", "refused_in_memory", "target_url"]

_SCHEMES: Final[Mapping[str, str]] = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}

_BASE: Final = re.compile(r"/v\d{1,3}$")
_VERSION: Final = re.compile(r"^/v\d{1,3}/")

_NOT_FORWARDED: Final = frozenset(
    {"host", "connection", "upgrade", "content-length", "transfer-encoding", "keep-alive", "te", "trailer"}
)
"""They are about one connection: RFC 9110, section 7.6.1."""

_MESSAGES: Final[Mapping[int, tuple[str, str]]] = {
    401: ("invalid_api_key", "Incorrect API key provided."),
    403: ("forbidden", "You are not allowed to use this model."),
    404: ("model_not_found", "The model does not exist or you do not have access to it."),
    429: ("rate_limit_exceeded", "Rate limit reached. Please try again later."),
    503: ("server_overloaded", "The server is overloaded or not ready yet."),
}


def check_target(url: str) -> str:
    """The URL of a WebSocket; `http` and `https` are taken too, and a host alone is `wss`, or `ws` on this machine.

    Raises:
        ConnectFailed: it is not one.
    """
    full = url.strip()
    if "://" not in full:
        is_local = full.split(":")[0].split("/")[0] in ("localhost", "127.0.0.1", "[")
        full = f"{'ws' if is_local else 'wss'}://{full}"
    try:
        parts = urlsplit(full)
        if parts.hostname and parts.scheme in _SCHEMES and parts.port != 0:
            return parts._replace(scheme=_SCHEMES[parts.scheme]).geturl()
    except ValueError:
        pass  # told below
    raise ConnectFailed(f"{without_secrets(url)} is not the address of a server (wss://…)", retryable=False)


def target_url(to: str, asked: str) -> str:
    """Where the request for the path and query `asked` goes: to the path of `to` if it has one, else to the same.

    A path that ends in a version, such as `/openai/v1`, is a base: what the client asks for behind its own `/v1` comes
    behind it. Both queries go along; of a name in both, the client's.
    """
    target, wanted = urlsplit(to), urlsplit(asked)
    path = target.path.rstrip("/") or wanted.path
    if _BASE.search(path):
        path += _VERSION.sub("/", wanted.path)
    query = {
        **dict(parse_qsl(target.query, keep_blank_values=True)),
        **dict(parse_qsl(wanted.query, keep_blank_values=True)),
    }
    return target._replace(path=path or "/", query=urlencode(query), fragment="").geturl()


def forwarded_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of the client that go to the server: its key among them, and nothing of its own connection."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _NOT_FORWARDED and not name.lower().startswith(("sec-websocket-", "proxy-"))
    ]


def fault_answer(fault: PlannedFault) -> HttpAnswer | None:
    """The answer that a fault gives to a handshake; None: it gives none."""
    if fault.name == "redirect":
        return HttpAnswer(status=int(fault.number("http")), headers={"location": fault.text("to")})
    if fault.name != "refuse":
        return None
    status = int(fault.number("http"))
    code, message = _MESSAGES.get(status, ("refused", "The server refuses this session."))
    body = write_text({"error": {"type": "invalid_request_error", "code": code, "message": message}})
    headers = {"content-type": "application/json"}
    if fault.number("retry_after"):
        headers["retry-after"] = f"{fault.number('retry_after'):g}"
    return HttpAnswer(status=status, headers=headers, body=body)


def refused_in_memory(answer: HttpAnswer) -> ConnectFailed:
    """What a client raises for this answer, where there is no socket on which it could come."""
    place = "ws://memory"
    if "location" in answer.headers:
        return ConnectFailed(f"{place} redirects to another origin, where keys do not follow", retryable=False)
    return refusal(place, answer, mask=SecretMask(()), has_key=True)

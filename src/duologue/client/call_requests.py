"""Requests about one call by HTTP, below the path at which calls are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from duologue.client.endpoint import Endpoint
from duologue.errors import AuthenticationFailed, ConnectFailed, ModelNotFound, RequestRejected
from duologue.transports.http_post import post

__all__ = ["CALL_TIMEOUT_S", "ask_of_call"]

CALL_TIMEOUT_S: Final = 10.0
"""DNS, TCP, TLS and HTTP take a second together."""

_OF_THE_CALL: Final = frozenset({400, 404, 409, 410, 422})
"""Statuses that say that this call cannot be treated so: it is over, or was answered, or a value is wrong. The hosted
service has 400 with the code `call_id_not_found` for a hang-up, and 404 elsewhere."""


async def ask_of_call(
    endpoint: Endpoint, verb: str, *, call_id: str, body: Mapping[str, Any] | None = None, timeout: float
) -> None:
    """Have the server do something with a call: `verb` is the last part of the path.

    `call_id` is passed on as it is. `timeout` is in seconds. Cancelling closes the connection; whether the server has
    done it is then unknown.

    Raises:
        RequestRejected: there is no such call, it is over or answered, or the server refuses a value.
        AuthenticationFailed, ModelNotFound: the server does not accept the key, or has no such model.
        ConnectFailed: the server was not reached, or refused for another reason.
        ValueError: the id is empty.
    """
    if not call_id:
        raise ValueError("a call has an id, which the webhook or the answer to the offer tells; this one is empty")
    endpoint = msgspec.structs.replace(endpoint, transport="webrtc", call_id=None)
    credentials = endpoint.credentials()
    parts = urlsplit(endpoint.session_url(credentials))
    target = parts._replace(path=f"{parts.path}/{quote(call_id, safe='')}/{verb}").geturl()
    kind = {} if body is None else {"Content-Type": "application/json"}
    try:
        await post(
            target,
            b"" if body is None else msgspec.json.encode(body),
            {**credentials.headers, **kind},
            ssl=endpoint.socket.ssl,
            proxy=endpoint.socket.proxy,
            timeout=timeout,
            has_key=endpoint.api_key is not None,
        )
    except (AuthenticationFailed, ModelNotFound):
        raise
    except ConnectFailed as fault:
        if fault.status in _OF_THE_CALL:
            raise RequestRejected(f"cannot {_VERBS.get(verb, verb)}: {fault}") from None
        raise


_VERBS: Final = {"hangup": "hang up", "accept": "accept the call", "reject": "reject the call", "refer": "transfer"}

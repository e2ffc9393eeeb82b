"""Ends calls by HTTP: those of browsers too, which this program has joined by a sideband."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

from duologue.client.auth import Auth
from duologue.client.endpoint import Endpoint
from duologue.errors import AuthenticationFailed, ConnectFailed, RequestRejected
from duologue.transports.http_post import post
from duologue.transports.socket_options import ENVIRONMENT

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["HANG_UP_TIMEOUT_S", "hang_up", "hang_up_call"]

HANG_UP_TIMEOUT_S: Final = 10.0
"""DNS, TCP, TLS and HTTP take a second together."""

_NO_SUCH_CALL: Final = frozenset({400, 404})
"""The first is what the hosted service says, with the code `call_id_not_found`."""


async def hang_up(
    url: str,
    *,
    call_id: str,
    api_key: str | None = None,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = HANG_UP_TIMEOUT_S,
) -> None:
    """End a call of the server at `url`, which is the URL for `connect`.

    `timeout` is in seconds. The call's sideband is closed too. A call of this program ends when its block is left, and
    needs none of this. Cancelling returns at once; the request ends in a thread, within its timeout.

    Raises:
        RequestRejected: there is no such call, or it is over.
        AuthenticationFailed: the server does not accept the key.
        ConnectFailed: the server was not reached, or refused for another reason.
    """
    await asyncio.to_thread(
        hang_up_call,
        url,
        call_id=call_id,
        api_key=api_key,
        auth=auth,
        headers=headers,
        ssl=ssl,
        proxy=proxy,
        timeout=timeout,
    )


def hang_up_call(
    url: str,
    *,
    call_id: str,
    api_key: str | None = None,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = HANG_UP_TIMEOUT_S,
) -> None:
    """`hang_up` for threads; `duologue.blocking.hang_up` is this function. Raises as that does."""
    endpoint = Endpoint(url=url, api_key=api_key, auth=auth, headers=headers or {}, transport="webrtc")
    credentials = endpoint.credentials()
    parts = urlsplit(endpoint.session_url(credentials))
    target = urlunsplit(parts._replace(path=f"{parts.path}/{quote(call_id, safe='')}/hangup"))
    try:
        post(
            target,
            b"",
            credentials.headers,
            ssl=ssl,
            proxy=proxy,
            timeout=timeout,
            has_key=api_key is not None,
        )
    except AuthenticationFailed:
        raise
    except ConnectFailed as fault:
        if fault.status in _NO_SUCH_CALL:
            raise RequestRejected(f"cannot hang up: {fault}") from None
        raise

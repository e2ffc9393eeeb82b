"""Ends calls by HTTP: those of browsers too, which this program has joined by a sideband."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from duologue.client.auth import Auth
from duologue.client.call_requests import CALL_TIMEOUT_S, ask_of_call
from duologue.client.endpoint import Endpoint
from duologue.transports.own_loop import run_on_own_loop
from duologue.transports.socket_options import ENVIRONMENT, SocketOptions

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["hang_up", "hang_up_call"]


async def hang_up(
    url: str,
    *,
    call_id: str,
    api_key: str | None = None,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """End a call of the server at `url`, which is the URL for `connect`.

    `timeout` is in seconds. The call's sideband is closed too. A call of this program ends when its block is left, and
    needs none of this. Cancelling closes the connection.

    Raises:
        RequestRejected: there is no such call, or it is over.
        AuthenticationFailed: the server does not accept the key.
        ConnectFailed: the server was not reached, or refused for another reason.
    """
    await ask_of_call(
        Endpoint(
            url=url, api_key=api_key, auth=auth, headers=headers or {}, socket=SocketOptions(ssl=ssl, proxy=proxy)
        ),
        "hangup",
        call_id=call_id,
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
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """`hang_up` for threads; `duologue.blocking.hang_up` is this function. Raises as that does."""
    run_on_own_loop(
        hang_up(
            url, call_id=call_id, api_key=api_key, auth=auth, headers=headers, ssl=ssl, proxy=proxy, timeout=timeout
        )
    )

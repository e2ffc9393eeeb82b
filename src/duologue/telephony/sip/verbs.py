"""What is done with a telephone call at OpenAI's SIP, by HTTP: accept, reject, refer, hang up.

`url` is the URL for `connect`, or an `Endpoint`, which can also name headers, a proxy and a TLS context. Call ids are
passed on as the webhook had them. `timeout` is in seconds. Cancelling closes the connection.

All raise:
    RequestRejected: the call is over, was answered before, or a value is refused.
    AuthenticationFailed, ModelNotFound: the server does not accept the key, or has no such model.
    ConnectFailed: the server was not reached, or refused for another reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from duologue.client.call_requests import CALL_TIMEOUT_S, ask_of_call
from duologue.client.endpoint import Endpoint
from duologue.client.mappings import SessionInput, to_session
from duologue.events import SessionUpdateEvent

__all__ = ["DECLINE", "accept", "hang_up", "refer", "reject"]

DECLINE: Final = 603
"""What a caller hears by default (RFC 3261, section 21.6.2): not available, and do not try elsewhere."""

_BUSY_ETC: Final = (300, 699)
"""Statuses of SIP that say no: redirections, and failures of the request, of the server and everywhere."""

_TARGETS: Final = ("tel:", "sip:", "sips:")


async def accept(
    url: str | Endpoint,
    *,
    call_id: str,
    session: SessionInput | None = None,
    api_key: str | None = None,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """Answer a ringing call, for a session with this configuration; `duologue.converse(url, call_id=…)` then joins it.

    The hosted service wants a `model` in the session. Raises as the module says, and LocalProtocolError: `session` is
    no configuration.
    """
    config = SessionUpdateEvent(session=to_session(session if session is not None else {})).to_json()["session"]
    await _ask(url, "accept", call_id, {"type": "realtime", **config}, api_key, timeout)


async def reject(
    url: str | Endpoint,
    *,
    call_id: str,
    status_code: int = DECLINE,
    api_key: str | None = None,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """Decline a ringing call with a status of SIP: 486 says busy, 480 not available now, 603 declined.

    Raises as the module says, and ValueError: the status is none that declines.
    """
    if not _BUSY_ETC[0] <= status_code <= _BUSY_ETC[1]:
        raise ValueError(f"a status that declines is from {_BUSY_ETC[0]} to {_BUSY_ETC[1]}, and not {status_code}")
    await _ask(url, "reject", call_id, {"status_code": status_code}, api_key, timeout)


async def refer(
    url: str | Endpoint,
    *,
    call_id: str,
    target_uri: str,
    api_key: str | None = None,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """Have the caller's carrier transfer an accepted call, to a number (`tel:+14155550123`) or an address (`sip:…`).

    The carrier must allow SIP REFER; when it has transferred the call, the session ends. Raises as the module says,
    and ValueError: the target is neither.
    """
    if not target_uri.lower().startswith(_TARGETS) or not target_uri.isprintable():
        raise ValueError("a call is transferred to an address such as tel:+14155550123 or sip:desk@example.com")
    await _ask(url, "refer", call_id, {"target_uri": target_uri}, api_key, timeout)


async def hang_up(
    url: str | Endpoint, *, call_id: str, api_key: str | None = None, timeout: float = CALL_TIMEOUT_S
) -> None:
    """End an accepted call; its session ends with it. Raises as the module says."""
    await _ask(url, "hangup", call_id, None, api_key, timeout)


async def _ask(
    url: str | Endpoint, verb: str, call_id: str, body: Mapping[str, Any] | None, api_key: str | None, timeout: float
) -> None:
    endpoint = url if isinstance(url, Endpoint) else Endpoint(url=url)
    if api_key is not None:
        endpoint = msgspec.structs.replace(endpoint, api_key=api_key)
    await ask_of_call(endpoint, verb, call_id=call_id, body=body, timeout=timeout)

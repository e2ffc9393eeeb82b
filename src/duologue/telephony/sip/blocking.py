"""The verbs of `duologue.telephony.sip` for programs without an event loop. They raise as those do."""

from __future__ import annotations

from duologue.client.call_requests import CALL_TIMEOUT_S
from duologue.client.endpoint import Endpoint
from duologue.client.mappings import SessionInput
from duologue.telephony.sip import verbs
from duologue.transports.own_loop import run_on_own_loop

__all__ = ["accept", "hang_up", "refer", "reject"]


def accept(
    url: str | Endpoint,
    *,
    call_id: str,
    session: SessionInput | None = None,
    api_key: str | None = None,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """`duologue.telephony.sip.accept`; `duologue.blocking.converse(url, call_id=…)` then joins the call."""
    run_on_own_loop(verbs.accept(url, call_id=call_id, session=session, api_key=api_key, timeout=timeout))


def reject(
    url: str | Endpoint,
    *,
    call_id: str,
    status_code: int = verbs.DECLINE,
    api_key: str | None = None,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """`duologue.telephony.sip.reject`."""
    run_on_own_loop(verbs.reject(url, call_id=call_id, status_code=status_code, api_key=api_key, timeout=timeout))


def refer(
    url: str | Endpoint,
    *,
    call_id: str,
    target_uri: str,
    api_key: str | None = None,
    timeout: float = CALL_TIMEOUT_S,
) -> None:
    """`duologue.telephony.sip.refer`."""
    run_on_own_loop(verbs.refer(url, call_id=call_id, target_uri=target_uri, api_key=api_key, timeout=timeout))


def hang_up(url: str | Endpoint, *, call_id: str, api_key: str | None = None, timeout: float = CALL_TIMEOUT_S) -> None:
    """`duologue.telephony.sip.hang_up`."""
    run_on_own_loop(verbs.hang_up(url, call_id=call_id, api_key=api_key, timeout=timeout))

"""The steps that hold a session of their own: a turn in text, and the WebSocket of Live."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from duologue.cli.doctor.remedies import refusal_remedy
from duologue.cli.doctor.step_result import StepResult
from duologue.cli.doctor.target import DoctorTarget
from duologue.client.asyncio.converse import converse
from duologue.client.auth import Credentials, credentials_for, usual_auth
from duologue.clock import loop_time
from duologue.errors import AuthenticationFailed, ConnectFailed, DuologueError
from duologue.transports.addresses import without_secrets
from duologue.transports.websocket import open_websocket

__all__ = ["live_step", "turn_step"]

_QUESTION: Final = "Say hello in three words."

_NO_LIVE: Final = frozenset({400, 403, 404, 405, 410, 426, 501})
"""What servers without Live answer at its path."""


async def turn_step(target: DoctorTarget) -> StepResult:
    """Hold a turn in text, in a session of its own. A hosted server bills it."""
    tried, began_at = "ask for three words of text", loop_time()
    endpoint = replace(target.endpoint, socket=target.socket)
    try:
        async with converse(endpoint, session={"output_modalities": ["text"]}) as conversation:
            answer = await conversation.ask(_QUESTION)
    except DuologueError as fault:
        remedy = "read what the server says, and look at its log: the connection works, and the model does not answer"
        return StepResult(step="turn", outcome="failed", tried=tried, happened=str(fault), remedy=remedy)
    took_ms = round((loop_time() - began_at) * 1000)
    facts = {"status": answer.status, "characters": len(answer), "after_ms": took_ms}
    happened = f"{answer.status}, {len(answer)} characters, {took_ms} ms after the handshake began"
    if answer.status != "completed" or not answer:
        remedy = "look at the server's log, and at the model: it gave no whole answer"
        return StepResult(step="turn", outcome="note", tried=tried, happened=happened, remedy=remedy, facts=facts)
    return StepResult(step="turn", outcome="ok", tried=tried, happened=happened, facts=facts)


async def live_step(target: DoctorTarget) -> StepResult:
    """Open the WebSocket of Live, and close it before a session starts."""
    url, endpoint = target.live_url, target.endpoint
    tried = f"open a WebSocket at {without_secrets(url)}, and start no session"
    credentials = Credentials()
    if endpoint.api_key is not None:
        credentials = credentials_for(
            endpoint.api_key, usual_auth("openai-live", url, endpoint.api_key), dialect="openai-live"
        )
    try:
        transport = await open_websocket(
            url,
            headers={**credentials.headers, **endpoint.headers},
            subprotocols=credentials.subprotocols,
            options=target.socket,
        )
    except ConnectFailed as fault:
        if fault.status in _NO_LIVE:
            happened = f"the server has no Live here (HTTP {fault.status})"
            return StepResult(step="live", outcome="skipped", tried=tried, happened=happened)
        remedy = "nothing, unless you want Live: Realtime is another protocol at another path"
        if isinstance(fault, AuthenticationFailed):
            remedy = f"{refusal_remedy(fault, target)}; or {remedy}"
        return StepResult(step="live", outcome="note", tried=tried, happened=str(fault), remedy=remedy)
    await transport.close()
    return StepResult(step="live", outcome="ok", tried=tried, happened="open: sessions of Live can be started")

"""The end of a conversation's input: no more audio comes, and what was said is to be told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from duologue.client.limits import FIRST_EVENT_S
from duologue.client.messages import new_id
from duologue.errors import NotConnected, RequestRejected
from duologue.events import ErrorEvent, InputAudioBufferCommitEvent, RealtimeEvent, UnknownRealtimeEvent
from duologue.protocol.input_progress import detects_turns
from duologue.protocol.wire_limits import MIN_COMMIT_MS

if TYPE_CHECKING:
    from duologue.client.asyncio.connection import Connection
    from duologue.client.asyncio.conversation import Conversation

__all__ = ["finish_input"]

_EMPTY: Final = "input_audio_buffer_commit_empty"


async def finish_input(conversation: Conversation, connection: Connection | None) -> None:
    """Send what ends the input in the server's dialect, and wait until everything that was said has been told.

    Raises:
        RequestRejected: the server rejects it, or ends the session before it has told everything.
        NotConnected: there is no connection now.
    """
    if connection is None:
        raise NotConnected("cannot finish: the connection is lost; wait for SessionRestored")
    utterance = connection.utterance
    async with conversation.stream(RealtimeEvent) as events:
        if utterance.takes_finish(connection.model or _model_of(conversation)):
            assert utterance.finish is not None
            event_id = new_id("event")
            await conversation.send(
                UnknownRealtimeEvent(json={**utterance.finish, "event_id": event_id}, problem="of this dialect alone")
            )
            awaited = [event_id]
        elif utterance.is_transcribed_once:
            await conversation.drain()
            connection.end_utterance()
            awaited = []
        else:
            await connection.played()
            # Whether the server ends turns itself stands in its session.
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_EVENT_S):
                    while connection.awaits_settings and await anext(aiter(events), None) is not None:
                        pass
            awaited = [await _commit_rest(conversation, server_ends_turns=detects_turns(connection.session))]
        while not _is_told(conversation, connection, awaited):
            event = await anext(aiter(events), None)
            if event is None:
                raise RequestRejected("the server ended the session before it had told everything")
            if awaited and event.type == utterance.finished:
                return
            if isinstance(event, ErrorEvent) and event.error.event_id in awaited and event.error.code != _EMPTY:
                raise RequestRejected(f"the server rejected the end of the input: {event.error.message}")


def _is_told(conversation: Conversation, connection: Connection, awaited: list[str]) -> bool:
    utterance = connection.utterance
    if utterance.takes_finish(connection.model or _model_of(conversation)):
        return False  # until the server says so
    return connection.is_speech_told if utterance.is_transcribed_once else conversation.input_progress.is_told


async def _commit_rest(conversation: Conversation, *, server_ends_turns: bool) -> str:
    """Commit what the server has of an utterance, unless that is too little or none; returns the commit's event id."""
    event_id = new_id("event")
    progress = conversation.input_progress
    in_turn = progress.user_speaks or not server_ends_turns
    if in_turn and conversation.core.checks.buffered_ms >= MIN_COMMIT_MS:
        progress.committed_by_client(event_id)
        await conversation.send(InputAudioBufferCommitEvent(event_id=event_id))
    return event_id


def _model_of(conversation: Conversation) -> str | None:
    model = getattr(conversation.session, "model", None)
    return model if isinstance(model, str) else None

"""What the client's events say about a call."""

from __future__ import annotations

from duologue.events import (
    ConversationItemCreateEvent,
    ConversationItemTruncateEvent,
    FunctionCallOutputItem,
    InputAudioBufferAppendEvent,
    InputAudioBufferCommitEvent,
    MessageItem,
    RealtimeEvent,
    ResponseCreateEvent,
    is_set,
)
from duologue.inspection.heard import HeardLane
from duologue.inspection.server_events import ServerSide, audio_ms
from duologue.inspection.session_in_force import SessionClock
from duologue.inspection.tools import ToolLane
from duologue.inspection.turns import TurnLane
from duologue.inspection.view import CallView

__all__ = ["ClientSide"]


class ClientSide:
    """Takes the client's events."""

    def __init__(self, view: CallView, turns: TurnLane, heard: HeardLane, tools: ToolLane, server: ServerSide) -> None:
        self._view = view
        self._turns = turns
        self._heard = heard
        self._tools = tools
        self._server = server
        self._audio_ms = 0.0

    def take(self, event: RealtimeEvent, at_s: float, session: SessionClock) -> None:
        """Take an event that the client sent."""
        if is_set(event.event_id) and event.event_id is not None:
            self._server.commanded(event.event_id, str(event.type))
        match event:
            case InputAudioBufferAppendEvent(audio=audio):
                self._turns.client_speaks()
                duration_ms = audio_ms(audio, session.settings.input)
                session.clock.append(duration_ms, at_s)
                self._audio_ms += duration_ms
                self._view.user_audio_ms = round(self._audio_ms)
            case InputAudioBufferCommitEvent():
                self._turns.client_commits(at_s, session.settings)
            case ConversationItemCreateEvent(item=MessageItem(role="user") as item):
                self._turns.client_types(item.text)
            case ConversationItemCreateEvent(item=FunctionCallOutputItem(call_id=call_id)):
                self._tools.answered(call_id, at_s)
            case ConversationItemTruncateEvent(item_id=item_id, content_index=index, audio_end_ms=end_ms):
                self._heard.truncated((item_id, index), end_ms, at_s)
            case ResponseCreateEvent():
                self._turns.client_requests(at_s)
                self._server.requested(event.event_id if is_set(event.event_id) else None, at_s)
            case _:
                pass  # nothing that a person hears or waits for

"""Small calls, written line by line, with times that can be checked by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from duologue.inspection import CallFold, CallView
from duologue.recording import (
    Direction,
    Frame,
    Header,
    NoteLine,
    PlaybackNote,
    RecordingLine,
    Side,
    ToolNote,
    UnknownLine,
)

Json = dict[str, Any]

SERVER_VAD: Json = {"type": "server_vad", "silence_duration_ms": 400, "interrupt_response": True}


class Call:
    """Lines of a call, as a client's recording has them."""

    def __init__(self) -> None:
        self.lines: list[RecordingLine] = []
        self._ids = 0

    def client(self, at_s: float, type_name: str, **fields: Any) -> None:
        """The client sends an event."""
        self._frame(at_s, "sent", {"type": type_name, **fields})

    def server(self, at_s: float, type_name: str, **fields: Any) -> None:
        """The server sends an event."""
        self._ids += 1
        self._frame(at_s, "received", {"type": type_name, "event_id": f"event_{self._ids}", **fields})

    def session(self, at_s: float, detection: Json | None) -> None:
        """The server tells the session."""
        told = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m"}
        audio = {"input": {"turn_detection": detection}, "output": {}}
        self.server(at_s, "session.created", session={**told, "audio": audio})

    def speaks(self, begin_s: float, end_s: float) -> None:
        """The client sends audio in pieces of 100 ms, each when its last sample was spoken."""
        for number in range(1, round((end_s - begin_s) * 10) + 1):
            self.client(round(begin_s + number / 10, 3), "input_audio_buffer.append", audio=audio_text(100))

    def creates(self, at_s: float, response_id: str, **fields: Any) -> None:
        """The server begins a response."""
        self.server(at_s, "response.created", response={"id": response_id, "status": "in_progress", **fields})

    def says(self, at_s: float, response_id: str, item_id: str, ms: int) -> None:
        """The server sends so much speech in one piece."""
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        self.server(at_s, "response.output_audio.delta", **place, delta=audio_text(ms))

    def writes(self, at_s: float, response_id: str, item_id: str, text: str) -> None:
        """The server sends a piece of the transcript."""
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        self.server(at_s, "response.output_audio_transcript.delta", **place, delta=text)

    def ends(self, at_s: float, response_id: str, text: str = "", *, status: str = "completed", **fields: Any) -> None:
        """The server ends a response."""
        part = {"type": "output_audio", "transcript": text}
        item = {"id": "i", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        usage = {"total_tokens": 30, "input_tokens": 10, "output_tokens": 20}
        told = {"id": response_id, "status": status, "output": [item] if text else [], "usage": usage, **fields}
        self.server(at_s, "response.done", response=told)

    def heard(self, at_s: float, item_id: str, ms: int, *, is_over: bool = False) -> None:
        """The player notes what was heard."""
        self.lines.append(NoteLine(at_s=at_s, note=PlaybackNote(item_id=item_id, heard_ms=ms, is_over=is_over)))

    def runs(self, begin_s: float, end_s: float, name: str, call_id: str) -> None:
        """The client notes that a function ran."""
        self.lines.append(NoteLine(at_s=begin_s, note=ToolNote(name=name, call_id=call_id, step="begin")))
        self.lines.append(NoteLine(at_s=end_s, note=ToolNote(name=name, call_id=call_id, step="end")))

    def _frame(self, at_s: float, direction: Direction, frame: Json) -> None:
        self.lines.append(Frame(at_s=at_s, direction=direction, message=json.dumps(frame)))


def audio_text(ms: int) -> str:
    """So much silence in base64, PCM16 at 24 kHz."""
    return base64.b64encode(bytes(48 * ms)).decode()


def time_of(line: RecordingLine) -> float:
    """When it was written."""
    assert not isinstance(line, UnknownLine)
    return line.at_s


def in_order(lines: Sequence[RecordingLine]) -> list[RecordingLine]:
    """The lines by their times."""
    return sorted(lines, key=time_of)


def view_of(lines: Sequence[RecordingLine], *, side: Side = "client") -> CallView:
    """The view of a recording of this side."""
    fold = CallFold(Header(started_at="2026-03-01T12:00:00+00:00", side=side))
    for line in lines:
        fold.push(line)
    return fold.view


def as_server_recorded(lines: Sequence[RecordingLine]) -> list[RecordingLine]:
    """The same messages as the other side has them, which has no notes of a player."""
    turned: dict[Direction, Direction] = {"sent": "received", "received": "sent"}
    return [
        Frame(at_s=line.at_s, direction=turned[line.direction], message=line.message)
        for line in lines
        if isinstance(line, Frame)
    ]


def vad_call() -> list[RecordingLine]:
    """Two turns that the server detects; in the second a function is called.

    First turn: audio from 1.0 s. Speech ends at position 1.6 s, 400 ms of silence follow: `audio_end_ms` 2000. Position
    1600 was sent by the piece of 2.6 s, which is where speech ended.
    """
    call = Call()
    call.session(0.5, SERVER_VAD)
    call.speaks(1.0, 3.1)
    call.server(1.45, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(3.05, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2000)
    call.server(3.06, "input_audio_buffer.committed", item_id="item_1", previous_item_id=None)
    call.creates(3.1, "resp_1")
    call.server(3.2, "conversation.item.input_audio_transcription.completed", item_id="item_1", content_index=0,
                transcript="What time is it?", usage={"type": "duration", "seconds": 2})  # fmt: skip
    call.writes(3.25, "resp_1", "item_2", "It")
    call.says(3.3, "resp_1", "item_2", 500)
    call.says(3.4, "resp_1", "item_2", 500)
    call.heard(3.38, "item_2", 40)
    call.heard(4.34, "item_2", 1000, is_over=True)
    call.ends(3.5, "resp_1", "It is noon.")
    later = Call()
    later.speaks(6.0, 8.0)
    later.server(6.4, "input_audio_buffer.speech_started", item_id="item_3", audio_start_ms=2300)
    # Audio so far is 2100 ms: position 3300 was spoken at 7.2 s.
    later.server(7.7, "input_audio_buffer.speech_stopped", item_id="item_3", audio_end_ms=3700)
    later.server(7.71, "input_audio_buffer.committed", item_id="item_3", previous_item_id="item_2")
    later.creates(7.75, "resp_2")
    later.server(7.9, "response.function_call_arguments.done", response_id="resp_2", item_id="item_4", output_index=0,
                 call_id="call_1", name="multiply", arguments='{"a":7,"b":8}')  # fmt: skip
    later.ends(7.95, "resp_2")
    later.runs(7.92, 8.17, "multiply", "call_1")
    later.client(
        8.2, "conversation.item.create", item={"type": "function_call_output", "call_id": "call_1", "output": "56"}
    )
    later.client(8.21, "response.create", event_id="ask_1")
    later.creates(8.3, "resp_3")
    later.says(8.5, "resp_3", "item_6", 300)
    later.heard(8.56, "item_6", 20)
    later.heard(8.84, "item_6", 300, is_over=True)
    later.ends(8.6, "resp_3", "Fifty-six.")
    return in_order([*call.lines, *later.lines])


def push_to_talk_call() -> list[RecordingLine]:
    """The client commits at 2.05 s and asks at 2.06 s; then a typed question at 6.0 s, which is refused once."""
    call = Call()
    call.session(0.5, None)
    call.speaks(1.0, 2.0)
    call.client(2.05, "input_audio_buffer.commit", event_id="commit_1")
    call.client(2.06, "response.create", event_id="ask_1")
    call.server(2.1, "input_audio_buffer.committed", item_id="item_1", previous_item_id=None)
    call.creates(2.15, "resp_1")
    call.says(2.55, "resp_1", "item_2", 400)
    call.says(3.25, "resp_1", "item_2", 400)  # the first 400 ms were over at 2.95: an underrun
    call.ends(3.3, "resp_1", "Yes.")
    call.client(6.0, "conversation.item.create", item={"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "And now?"}]})  # fmt: skip
    call.client(6.01, "response.create", event_id="ask_2")
    call.server(
        6.05, "error", error={"type": "invalid_request_error", "code": "odd", "message": "No.", "event_id": "ask_2"}
    )
    call.client(6.1, "response.create", event_id="ask_3")
    call.creates(6.2, "resp_2")
    call.server(6.3, "response.output_text.delta", response_id="resp_2", item_id="item_4", output_index=0,
                content_index=0, delta="Now")  # fmt: skip
    call.ends(6.4, "resp_2", "Now too.")
    return call.lines


def barge_in_call() -> list[RecordingLine]:
    """The answer of 3 s begins at 3.5 s; the user is heard at 4.7 s; the client cuts at 1180 ms, at 4.72 s."""
    call = Call()
    call.session(0.5, SERVER_VAD)
    call.speaks(1.0, 3.1)
    call.server(1.45, "input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=300)
    call.server(3.05, "input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=2000)
    call.server(3.06, "input_audio_buffer.committed", item_id="item_1", previous_item_id=None)
    call.creates(3.1, "resp_1")
    call.says(3.5, "resp_1", "item_2", 3000)
    call.speaks(4.0, 5.5)
    call.server(4.7, "input_audio_buffer.speech_started", item_id="item_3", audio_start_ms=2500)
    call.client(4.72, "conversation.item.truncate", item_id="item_2", content_index=0, audio_end_ms=1180)
    call.ends(
        4.75, "resp_1", "It is", status="cancelled", status_details={"type": "cancelled", "reason": "turn_detected"}
    )
    # Audio before these pieces is 2100 ms: position 3000 was spoken at 4.9 s.
    call.server(5.4, "input_audio_buffer.speech_stopped", item_id="item_3", audio_end_ms=3400)
    call.server(5.41, "input_audio_buffer.committed", item_id="item_3", previous_item_id="item_2")
    call.creates(5.45, "resp_2")
    call.says(5.7, "resp_2", "item_4", 200)
    call.ends(5.8, "resp_2", "Sure.")
    return in_order(call.lines)

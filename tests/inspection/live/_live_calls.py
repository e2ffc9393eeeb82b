"""A small Live call, written line by line, with times that can be checked by hand."""

from __future__ import annotations

import base64
import json
from array import array
from typing import Any

from duologue.inspection import CallFold, CallView
from duologue.recording import ClosedLine, Direction, Frame, Header, RecordingLine, Side
from tests.inspection._calls import in_order

SILENT = base64.b64encode(bytes(4800)).decode()
LOUD = base64.b64encode(array("h", [9000] * 2400).tobytes()).decode()


class LiveCall:
    """Lines of a call, as a client's recording has them. The session's time is the recording's minus 1 s."""

    def __init__(self) -> None:
        self.lines: list[RecordingLine] = []

    def client(self, at_s: float, type_name: str, **fields: Any) -> None:
        """The client sends an event."""
        self._frame(at_s, "sent", {"type": type_name, **fields})

    def server(self, at_s: float, type_name: str, **fields: Any) -> None:
        """The server sends an event."""
        self._frame(at_s, "received", {"type": type_name, "event_id": f"event_{len(self.lines)}", **fields})

    def starts(self) -> None:
        """The session runs from 1.0 s on."""
        self.client(0.9, "session.start", session={"model": "gpt-live-1"})
        self.server(1.0, "session.started", session={"id": "live_1", "model": "gpt-live-1"})

    def streams(self, until_s: float) -> None:
        """The microphone is open, in pieces of 100 ms, each sent when its last sample was spoken."""
        for number in range(1, round((until_s - 1) * 10) + 1):
            self.client(round(1 + number / 10, 3), "session.input_audio.append", audio=SILENT)

    def track(self, begin_s: float, until_s: float, *sounding: tuple[float, float]) -> None:
        """The model's track, in pieces of 100 ms, each when it is due; it sounds in these intervals."""
        for number in range(round((until_s - begin_s) * 10)):
            at_s = round(begin_s + number / 10, 3)
            is_loud = any(first <= at_s < last for first, last in sounding)
            self.server(at_s, "session.output_audio.delta", delta=LOUD if is_loud else SILENT)

    def hears(self, at_s: float, text: str, start_ms: int, end_ms: int) -> None:
        """Words of the user come, with their place in the session."""
        self.server(at_s, "session.input_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms)

    def says(self, at_s: float, text: str, start_ms: int, end_ms: int) -> None:
        """Words of the model come."""
        self.server(at_s, "session.output_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms)

    def _frame(self, at_s: float, direction: Direction, frame: dict[str, Any]) -> None:
        self.lines.append(Frame(at_s=at_s, direction=direction, message=json.dumps(frame)))


def live_view(lines: list[RecordingLine], *, side: Side = "client", family: str | None = "live") -> CallView:
    """The view of a recording."""
    fold = CallFold(Header(started_at="2026-03-01T12:00:00+00:00", side=side, family=family))
    for line in lines:
        fold.push(line)
    return fold.view


def exchange() -> list[RecordingLine]:
    """Two questions; the second one interrupts the answer to the first.

    "What time is it?" lies at 1000-1800 ms of the session, which was spoken at 2.0-2.8 s; its last word comes at 3.1 s.
    The answer: words at 3.2 s, sound from 3.4 s. "And where?" lies at 4200-4800 ms, spoken at 5.2-5.8 s, and its last
    word comes at 6.3 s; the model, which would go on, is silent from 5.6 s. The second answer: words at 6.5 s, sound
    from 6.6 s to 7.4 s. A delegation is created at 6.05 s and answered at 6.4 s.
    """
    call = LiveCall()
    call.starts()
    call.streams(9.0)
    call.track(1.2, 9.0, (3.4, 5.6), (6.6, 7.4))
    call.hears(2.6, "What time", 1000, 1400)
    call.hears(3.1, " is it?", 1400, 1800)
    call.says(3.2, "It is noon,", 2300, 3300)
    call.says(4.2, " and the sun", 3300, 4300)
    call.hears(6.0, "And", 4200, 4400)
    call.hears(6.3, " where?", 4400, 4800)
    call.server(6.05, "session.delegation.created", delegation={"id": "deleg_1", "target": "client"}, offset_ms=4800)
    call.client(6.4, "session.commentary.append", delegation_id="deleg_1", content="Here.", event_id="say_1")
    call.says(6.5, "Here.", 5500, 6000)
    call.client(8.0, "session.input_audio.mute", event_id="mute_1")
    call.server(8.1, "error", error={"code": "odd", "message": "No.", "client_event_id": "mute_1"})
    call.server(8.9, "session.closed", reason="close_requested", usage={"seconds": 8})
    return [*in_order(call.lines), ClosedLine(at_s=9.0, code=1000, by="client")]

"""A client's core that is told of responses frame by frame; the test is the server and the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from duologue.events import RealtimeEvent, ResponseCreateEvent
from duologue.protocol.client.core import ConversationCore
from duologue.protocol.client.history.item_merge import words_of_item
from duologue.protocol.client.notices import Notice, RequestEnded, RunTool
from duologue.protocol.client.options import CoreOptions
from duologue.protocol.client.responses.requests import REQUEST_TAG, Resolution, ResponseRequest
from duologue.protocol.client.tools.toolbox import Toolbox
from duologue.testing import GREETING, CountedIds

Frame = dict[str, Any]

WORDS = "It is noon in Oslo."
ARGUMENTS = '{"place":"Oslo"}'


def clock(place: str) -> str:
    """The time at a place."""
    return f"noon in {place}"


class Telling:
    """Functions run as soon as they are asked for."""

    def __init__(self, options: CoreOptions | None = None, **functions: Any) -> None:
        toolbox = Toolbox(clock, *functions.values())
        self.core = ConversationCore(new_id=CountedIds(), options=options, toolbox=toolbox)
        self.now = 0.0
        self.notices: list[Notice] = []
        self.runs: list[tuple[str, str, object]] = []
        """Each call that ran, with its name and its result."""
        self.sent: list[str] = []
        self._event_ids = CountedIds()
        assert isinstance(GREETING, Mapping)
        self.tell(dict(GREETING))

    def ask(self, event: ResponseCreateEvent | None = None) -> ResponseRequest:
        request = self.core.respond(event, now=self.now)
        self._collect()
        return request

    def tell(self, *frames: Frame) -> None:
        for frame in frames:
            self.core.receive(RealtimeEvent.from_json({"event_id": self._event_ids("event"), **frame}), now=self.now)
            self._collect()

    def wait(self, seconds: float) -> None:
        """Time passes, and the server says nothing."""
        until = self.now + seconds
        while self.core.next_tick_at <= until:
            self.now = max(self.now, self.core.next_tick_at)
            self.core.tick(self.now)
            self._collect()
        self.now = until

    def wait_for_all(self) -> float:
        """Nothing is waited for any more; returns after how many seconds."""
        began = self.now
        while self.core.next_tick_at != inf:
            self.wait(max(0.0, self.core.next_tick_at - self.now))
        return self.now - began

    def all(self, kind: type[Any]) -> list[Any]:
        return [notice for notice in self.notices if isinstance(notice, kind)]

    @property
    def is_playing(self) -> bool:
        return self.core.output_audio.playback.playing

    @property
    def ends(self) -> list[Resolution]:
        return [notice.resolution for notice in self.all(RequestEnded)]

    def words(self, end: int = 0) -> str:
        """What the response to a request said, by the end that the client reports."""
        done = self.ends[end].done
        assert done is not None
        assert isinstance(done.response.output, list)
        return " ".join(words for item in done.response.output if (words := words_of_item(item)))

    @property
    def history(self) -> str:
        return " ".join(item.text for item in self.core.store.items if item.text)

    def _collect(self) -> None:
        for notice in self.core.take_notices():
            self.notices.append(notice)
            if isinstance(notice, RunTool):
                result = notice.call.bound()
                self.runs.append((notice.call.call_id, notice.call.name, result))
                self.core.tool_answered(notice.call.call_id, result, now=self.now)
        self.sent += [str(event.type) for event in self.core.take_events()]


# --- frames of one response


def created(request: ResponseRequest | None = None, response_id: str = "r", **fields: Any) -> Frame:
    metadata = {REQUEST_TAG: request.request_id} if request is not None else None
    response: Frame = {
        "id": response_id,
        "status": "in_progress",
        "output": [],
        "conversation_id": "c",
        "metadata": metadata,
    }
    return {"type": "response.created", "response": response | fields}


def done(request: ResponseRequest | None = None, response_id: str = "r", **fields: Any) -> Frame:
    began = created(request, response_id, **{"status": "completed", **fields})
    return {**began, "type": "response.done"}


def message(text: str = WORDS, **fields: Any) -> Frame:
    content = [{"type": "output_text", "text": text}] if text else []
    return {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content, **fields}


def call(arguments: str = ARGUMENTS, **fields: Any) -> Frame:
    item = {"id": "f", "type": "function_call", "name": "clock", "call_id": "call", "arguments": arguments}
    return {**item, "status": "completed", **fields}


def part(kind: str, item_id: str = "m", output_index: int = 0, **fields: Any) -> Frame:
    place = {"response_id": "r", "item_id": item_id, "output_index": output_index, "content_index": 0}
    return {"type": f"response.{kind}", **place, **fields}


def arguments(kind: str, **fields: Any) -> Frame:
    place = {"response_id": "r", "item_id": "f", "output_index": 1, "call_id": "call"}
    return {"type": f"response.function_call_arguments.{kind}", **place, **fields}


def output_item(kind: str, item: Frame, output_index: int = 0) -> Frame:
    return {"type": f"response.output_item.{kind}", "response_id": "r", "output_index": output_index, "item": item}


def conversation_item(kind: str, item: Frame) -> Frame:
    return {"type": f"conversation.item.{kind}", "previous_item_id": None, "item": item}


def text_block() -> list[Frame]:
    """All events of a text message."""
    pieces = [f"{word} " for word in WORDS.split()[:-1]] + [WORDS.split()[-1]]
    return [
        output_item("added", message("", status="in_progress")),
        conversation_item("added", message("", status="in_progress")),
        part("content_part.added", part={"type": "text", "text": ""}),
        *(part("output_text.delta", delta=piece) for piece in pieces),
        part("output_text.done", text=WORDS),
        part("content_part.done", part={"type": "text", "text": WORDS}),
        conversation_item("done", message()),
        output_item("done", message()),
    ]


def call_block() -> list[Frame]:
    """All events of a function call."""
    return [
        output_item("added", call("", status="in_progress"), 1),
        conversation_item("added", call("", status="in_progress")),
        *(arguments("delta", delta=piece) for piece in (ARGUMENTS[:4], ARGUMENTS[4:9], ARGUMENTS[9:])),
        arguments("done", name="clock", arguments=ARGUMENTS),
        conversation_item("done", call()),
        output_item("done", call(), 1),
    ]


def of_type(frames: Sequence[Frame], *types: str) -> list[Frame]:
    """The frames without those of these types."""
    return [frame for frame in frames if frame["type"] not in types]

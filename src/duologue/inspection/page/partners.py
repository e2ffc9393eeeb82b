"""Which frame belongs to which: an answer to its request, an end to its beginning, an error to what caused it."""

from __future__ import annotations

from array import array
from collections import deque
from typing import Any, Final

__all__ = ["Partners"]

_REMEMBERED: Final = 2048
"""Ids of one kind: partners are seconds apart."""

_WAITING: Final = 64
"""Requests of one type that are not answered yet."""

_ANSWERS: Final = {
    "session.update": ("session.updated",),
    "session.start": ("session.started",),
    "session.close": ("session.closed",),
    "input_audio_buffer.commit": ("input_audio_buffer.committed",),
    "input_audio_buffer.clear": ("input_audio_buffer.cleared",),
    "output_audio_buffer.clear": ("output_audio_buffer.cleared",),
    "conversation.item.create": ("conversation.item.added", "conversation.item.created"),
    "conversation.item.delete": ("conversation.item.deleted",),
    "conversation.item.truncate": ("conversation.item.truncated",),
    "conversation.item.retrieve": ("conversation.item.retrieved",),
    "response.create": ("response.created",),
    "response.cancel": ("response.done",),
    "session.input_audio.mute": ("session.input_audio.muted",),
    "session.input_audio.unmute": ("session.input_audio.unmuted",),
    "session.instructions.append": ("session.instructions.appended",),
    "session.thinking.append": ("session.thinking.appended",),
    "session.commentary.append": ("session.commentary.appended",),
    "decision.item.create": ("decision.item.created",),
    "decision.item.delete": ("decision.item.deleted",),
    "transport.dtmf.send": ("transport.dtmf.sent",),
}
"""Events that answer a command. Where both name an item it is the same one, else the order says it."""

_ENDS: Final = {
    "response.done": ("response", "response.created"),
    "response.output_item.done": ("item", "response.output_item.added"),
    "response.content_part.done": ("item", "response.content_part.added"),
    "conversation.item.done": ("item", "conversation.item.added"),
    "input_audio_buffer.speech_stopped": ("item", "input_audio_buffer.speech_started"),
    "input_audio_buffer.committed": ("item", "input_audio_buffer.speech_stopped"),
    "conversation.item.input_audio_transcription.completed": ("item", "input_audio_buffer.committed"),
    "conversation.item.input_audio_transcription.failed": ("item", "input_audio_buffer.committed"),
}
"""By the end: the id that both have, and the beginning."""

_ABOUT: Final = ("call", "response", "item")
"""A frame without partner belongs to the first that named its call, else its response, else its item."""


class Partners:
    """Takes frames in order. A frame has one partner; the first that is found stays."""

    def __init__(self) -> None:
        self._of = array("i")
        self._sent: dict[str, int] = {}
        """Commands by their `event_id`."""
        self._named: dict[tuple[str, str, str], int] = {}
        """By type and id: the latest frame."""
        self._first: dict[tuple[str, str], int] = {}
        """By id: the first frame that named it."""
        self._waiting: dict[str, deque[tuple[int, str | None]]] = {}

    def of(self, number: int) -> int:
        """The partner of a frame; -1 for none."""
        return self._of[number] if number < len(self._of) else -1

    def push(self, number: int, by: str, name: str, content: dict[str, Any]) -> None:
        """A frame with this content."""
        self._of.extend([-1] * (number + 1 - len(self._of)))
        ids = _ids_of(content)
        caused = self._caused_by(content)
        self._pair(number, caused)
        if by == "client":
            self._client(number, name, content, ids)
        else:
            self._server(number, name, ids, is_named=caused is not None)
        if self._of[number] < 0:
            found = (self._first.get((kind, ids[kind])) for kind in _ABOUT if kind in ids)
            first = next((each for each in found if each is not None), None)
            if first is not None:
                self._of[number] = first
        for kind, id_ in ids.items():
            _remember(self._named, (name, kind, id_), number)
            if (kind, id_) not in self._first:
                _remember(self._first, (kind, id_), number)

    def _client(self, number: int, name: str, content: dict[str, Any], ids: dict[str, str]) -> None:
        if isinstance(event_id := content.get("event_id"), str):
            _remember(self._sent, event_id, number)
        if name == "conversation.item.create" and "call" in ids:
            self._pair(number, self._first.get(("call", ids["call"])))
        for answer in _ANSWERS.get(name, ()):
            self._waiting.setdefault(answer, deque(maxlen=_WAITING)).append((number, ids.get("item")))

    def _server(self, number: int, name: str, ids: dict[str, str], *, is_named: bool) -> None:
        waiting = self._waiting.get(name)
        if waiting and not is_named:
            item = ids.get("item")
            found = next((each for each in waiting if each[1] == item), None)
            found = found or next((each for each in waiting if each[1] is None or item is None), None)
            if found is not None:
                self._pair(number, found[0])
                self._answered(found[0])
        if (begins := _ENDS.get(name)) is not None and begins[0] in ids:
            self._pair(number, self._named.get((begins[1], begins[0], ids[begins[0]])))

    def _caused_by(self, content: dict[str, Any]) -> int | None:
        """The command that a server's event names."""
        error = content.get("error")
        about = error if isinstance(error, dict) else {}
        for id_ in (about.get("event_id"), about.get("client_event_id"), content.get("client_event_id")):
            if isinstance(id_, str) and (found := self._sent.get(id_)) is not None:
                self._answered(found)
                return found
        return None

    def _answered(self, request: int) -> None:
        for name, waiting in self._waiting.items():
            if any(each[0] == request for each in waiting):
                self._waiting[name] = deque((each for each in waiting if each[0] != request), maxlen=_WAITING)

    def _pair(self, number: int, other: int | None) -> None:
        if other is None or other == number:
            return
        if self._of[number] < 0:
            self._of[number] = other
        if self._of[other] < 0:
            self._of[other] = number


def _ids_of(content: dict[str, Any]) -> dict[str, str]:
    item, response = content.get("item"), content.get("response")
    item, response = item if isinstance(item, dict) else {}, response if isinstance(response, dict) else {}
    found = {
        "call": content.get("call_id", item.get("call_id")),
        "response": content.get("response_id", response.get("id")),
        "item": content.get("item_id", item.get("id")),
    }
    return {kind: id_ for kind, id_ in found.items() if isinstance(id_, str)}


def _remember(known: dict[Any, int], key: Any, number: int) -> None:
    known.pop(key, None)
    known[key] = number
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]

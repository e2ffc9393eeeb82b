"""Frames of a scripted server, as servers send them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from duologue.audio.formats import PCM
from duologue.notices import AudioDelta
from duologue.testing import Expect, ScriptedServer, ScriptStep, Send

Json = dict[str, Any]
Made = Callable[[Mapping[str, Json]], Json]

CONVERSATION = "conv_1"


def serving(*scripts: Sequence[ScriptStep]) -> ScriptedServer:
    """A server that greets on each connection, and then plays the connection's script."""
    return ScriptedServer(*([Send(greeting(f"sess_{n}")), *script] for n, script in enumerate(scripts, 1)))


def replies(type_name: str, *frames: Json | Made) -> tuple[ScriptStep, ScriptStep]:
    """The client sends an event of this type, and the server answers with these frames."""
    return Expect(type_name), Send(*frames)


def asks(response_id: str, item_id: str, text: str, *, after: str | None = None) -> tuple[ScriptStep, ScriptStep]:
    """The client asks for a response, and gets this text."""
    return replies("response.create", *answer(response_id, item_id, text, after=after))


def creates_item(item_id: str, *, after: str | None = None) -> tuple[ScriptStep, ScriptStep]:
    """The client creates an item, and it gets this id."""
    return replies("conversation.item.create", *taken(item_id, after=after))


def tool_turn(*calls: Json, reply: str = "There.") -> list[ScriptStep]:
    """The user asks, the model calls, the client answers, the model goes on."""
    return [
        *replies("session.update", updated()),
        *creates_item("item_1"),
        *replies("response.create", *calling("resp_1", *calls)),
        *(step for each in calls for step in creates_item(f"item_{each['call_id']}_answer")),
        *asks("resp_2", "item_9", reply),
    ]


def answers(server: ScriptedServer, connection: int = 0) -> list[tuple[str, str]]:
    """The client's answers to calls, in the order in which they came: call id and text."""
    items = [event["item"] for event in server.received[connection] if event["type"] == "conversation.item.create"]
    return [(item["call_id"], item["output"]) for item in items if item["type"] == "function_call_output"]


def greeting(session_id: str = "sess_1", **fields: Any) -> Json:
    """What a server says first."""
    return {"type": "session.created", "session": session(session_id, **fields)}


def updated(**fields: Any) -> Json:
    """An update is taken."""
    return {"type": "session.updated", "session": session("sess_1", **fields)}


def cleared(number: int) -> str:
    """A small server event with a number as its id."""
    return f'{{"type":"input_audio_buffer.cleared","event_id":"{number}"}}'


def session(session_id: str, **fields: Any) -> Json:
    """A session as servers show it."""
    return {"type": "realtime", "object": "realtime.session", "id": session_id, "model": "scripted", **fields}


def message(item_id: str, role: str, text: str = "", *, status: str = "completed", kind: str = "") -> Json:
    """A message with one part, or with none if it has no text."""
    kind = kind or ("output_text" if role == "assistant" else "input_text")
    part = {"type": kind, "transcript" if "audio" in kind else "text": text}
    content = [part] if text else []
    shown = {"id": item_id, "object": "realtime.item", "type": "message", "status": status}
    return {**shown, "role": role, "content": content}


def call(call_id: str, name: str, arguments: str, *, item_id: str = "") -> Json:
    """A function call of the model."""
    return {
        "id": item_id or f"item_{call_id}",
        "object": "realtime.item",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def added(item: Json, *, after: str | None = None) -> Json:
    """An item enters the conversation."""
    return {"type": "conversation.item.added", "previous_item_id": after, "item": item}


def done(item: Json, *, after: str | None = None) -> Json:
    """An item is final."""
    return {"type": "conversation.item.done", "previous_item_id": after, "item": item}


def taken(item_id: str, *, after: str | None = None) -> tuple[Made, Made]:
    """The item that the client created last is in the conversation."""

    def item(sent: Mapping[str, Json]) -> Json:
        return {"id": item_id, "status": "completed", **sent["conversation.item.create"]["item"]}

    return (lambda sent: added(item(sent), after=after)), (lambda sent: done(item(sent), after=after))


def response(response_id: str, status: str = "in_progress", output: tuple[Json, ...] = (), **fields: Any) -> Json:
    """A response as servers show it."""
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": status,
        "status_details": None,
        "output": list(output),
        "conversation_id": CONVERSATION,
        "metadata": None,
        **fields,
    }


def created(response_id: str, **fields: Any) -> Made:
    """The response that the last create asked for begins; its metadata comes back."""
    return lambda sent: {"type": "response.created", "response": response(response_id, **_echo(sent), **fields)}


def ended(response_id: str, *output: Json, status: str = "completed", **fields: Any) -> Made:
    """The response that the last create asked for ends."""
    return lambda sent: {
        "type": "response.done",
        "response": response(response_id, status, output, **_echo(sent), **fields),
    }


def unasked(frame: Made) -> Json:
    """As above, for a response that the server starts of its own accord."""
    return frame({})


def answer(response_id: str, item_id: str, text: str, *, after: str | None = None) -> tuple[Json | Made, ...]:
    """A whole response in text, to the last create."""
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    item = message(item_id, "assistant", text)
    return (
        created(response_id),
        added(message(item_id, "assistant", status="in_progress"), after=after),
        {"type": "response.output_text.delta", **place, "delta": text},
        {"type": "response.output_text.done", **place, "text": text},
        done(item, after=after),
        ended(response_id, item),
    )


def calling(response_id: str, *calls: Json) -> tuple[Json | Made, ...]:
    """A whole response that calls functions."""
    items = [
        frame
        for index, item in enumerate(calls)
        for frame in (
            added({**item, "status": "in_progress", "arguments": ""}),
            {
                "type": "response.output_item.done",
                "response_id": response_id,
                "output_index": index,
                "item": item,
            },
            done(item),
        )
    ]
    return (created(response_id), *items, ended(response_id, *calls))


def audio_delta(response_id: str, item_id: str, audio: bytes) -> Json:
    """A piece of speech."""
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    return {"type": "response.output_audio.delta", **place, "delta": b64encode(audio).decode()}


def sent_audio(server: ScriptedServer, connection: int = 0) -> bytes:
    """All audio that a client has appended."""
    events = server.received[connection]
    return b"".join(b64decode(event["audio"]) for event in events if event["type"] == "input_audio_buffer.append")


def spoken(n_bytes: int) -> AudioDelta:
    """A notice of so much speech."""
    return AudioDelta(response_id="r", item_id="i", content_index=0, audio=bytes(n_bytes), encoding=PCM)


def error(code: str, text: str = "no", *, answers: str | None = None, kind: str = "invalid_request_error") -> Json:
    """An error; `answers` is the id of the client's event."""
    return {"type": "error", "error": {"type": kind, "code": code, "message": text, "event_id": answers}}


def refused(type_name: str, code: str, text: str = "no") -> Made:
    """An error that answers the last event of this type."""
    return lambda sent: error(code, text, answers=sent[type_name]["event_id"])


def _echo(sent: Mapping[str, Json]) -> Json:
    create = sent.get("response.create")
    metadata = create.get("response", {}).get("metadata") if create is not None else None
    return {"metadata": metadata}


INVALID_KEY = {"event_id": "e", **error("invalid_api_key", "Incorrect API key provided.")}

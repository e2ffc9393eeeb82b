"""Made-up traces of good sessions, and what mutations do to them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

from duologue.conformance.wire.trace import Side, Trace, WireMessage

Frame: TypeAlias = tuple[Side, dict[str, Any]]
Mutation: TypeAlias = Callable[[list[Frame]], None]

SILENCE = b64encode(bytes(4800)).decode()
SESSION = {"id": "live_1", "expires_at": 1_790_000_000, "model": "gpt-live-1", "status": "active"}


def trace_of(frames: list[Frame], *, shared: bool = False) -> Trace:
    """A trace in which these messages were sent and received, in their order; of a sideband if nothing was started."""
    messages = [WireMessage(side=side, at_s=n / 10, event=event) for n, (side, event) in enumerate(frames)]
    starts = any(event["type"] == "session.start" for side, event in frames if side == "C")
    return Trace(name="by hand", messages=messages, sideband=not starts, shared=shared)


def wrapped(kind: str, **more: Any) -> dict[str, Any]:
    """An event of a delegated response, without its id."""
    return {"type": "response.event", "delegation_id": "item_1", "event": {"type": kind, "sequence_number": 1, **more}}


def live() -> list[Frame]:
    """A good session with everything in it that a rule is about."""
    snapshot = {"id": "resp_1", "object": "response", "status": "in_progress", "output": [], "tools": []}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "track", "arguments": "{}"}
    frames: list[Frame] = [
        ("C", {"type": "session.start", "session": {"model": "gpt-live-1", "delegation": {"type": "responses"}}}),
        ("S", {"type": "session.started", "client_event_id": "c0", "session": SESSION}),
        ("C", {"type": "session.input_audio.append", "audio": SILENCE}),
        ("S", {"type": "session.output_audio.delta", "delta": SILENCE}),
        ("S", {"type": "session.input_transcript.delta", "delta": "Where", "start_ms": 1200, "end_ms": 1400}),
        ("S", {"type": "session.output_transcript.delta", "delta": "It", "start_ms": 1000, "end_ms": 1200}),
        ("S", {"type": "session.input_transcript.delta", "delta": " is it?", "start_ms": 1400, "end_ms": 1600}),
        (
            "S",
            {
                "type": "session.delegation.created",
                "offset_ms": 1600,
                "delegation": {
                    "id": "item_1",
                    "type": "delegation",
                    "target": "responses",
                    "response_id": "resp_1",
                },
            },
        ),
        ("S", wrapped("response.created", response=snapshot)),
        ("S", wrapped("response.output_item.done", output_index=0, item=call)),
        ("S", wrapped("response.completed", response={**snapshot, "status": "completed"})),
        ("C", {"type": "session.thinking.append", "content": "x", "delegation_id": None}),
        ("S", {"type": "session.thinking.appended", "client_event_id": "c11", "start_ms": 2000, "end_ms": 2000}),
        ("C", {"type": "session.output_audio.fixture.play", "audio": SILENCE}),
        ("S", {"type": "session.output_audio.fixture.playing", "client_event_id": "c13"}),
        ("C", {"type": "session.commentary.append", "content": "x", "delegation_id": None}),
        (
            "S",
            {
                "type": "error",
                "client_event_id": "c15",
                "error": {
                    "type": "invalid_request_error",
                    "code": "invalid_value",
                    "message": "A fixture plays.",
                    "client_event_id": "c15",
                },
            },
        ),
        ("S", {"type": "session.output_audio.fixture.played", "client_event_id": "c13"}),
        ("S", {"type": "session.usage.updated", "usage": {"seconds": 15.0}}),
        ("C", {"type": "session.close"}),
        (
            "S",
            {
                "type": "session.closed",
                "client_event_id": "c19",
                "reason": "close_requested",
                "session": SESSION,
                "usage": {"seconds": 21.0},
            },
        ),
    ]
    return _with_ids(frames)


def sideband() -> list[Frame]:
    """A good sideband of a session over WebRTC, which pauses."""
    frames: list[Frame] = [
        ("S", {"type": "session.started", "session": SESSION}),
        ("S", {"type": "session.input_audio.append", "audio": SILENCE}),
        ("S", {"type": "session.output_audio.delta", "delta": SILENCE, "start_ms": 0, "end_ms": 100}),
        ("S", {"type": "session.output_audio.delta", "delta": SILENCE, "start_ms": 300, "end_ms": 400}),
        ("S", {"type": "session.paused"}),
        ("S", {"type": "session.resumed"}),
    ]
    return _with_ids(frames)


def translation() -> list[Frame]:
    """A good translation session."""
    session = {"id": "s_1", "type": "translation", "model": "m", "expires_at": 1_790_000_000, "audio": {}}
    frames: list[Frame] = [
        ("S", {"type": "session.created", "session": session}),
        ("C", {"type": "session.update", "session": {"audio": {"output": {"language": "es"}}}}),
        ("S", {"type": "session.updated", "session": session}),
        ("C", {"type": "session.input_audio_buffer.append", "audio": SILENCE}),
        ("S", {"type": "session.output_transcript.delta", "delta": "Hola", "elapsed_ms": 200}),
        ("S", {"type": "session.output_transcript.delta", "delta": ".", "elapsed_ms": 200}),
        ("S", {"type": "session.output_audio.delta", "delta": SILENCE, "elapsed_ms": 200}),
        ("C", {"type": "response.create"}),
        ("S", {"type": "error", "error": {"type": "invalid_request_error", "message": "No.", "event_id": "c7"}}),
        ("C", {"type": "session.close"}),
        ("S", {"type": "session.closed"}),
    ]
    named = _with_ids(frames)
    for side, event in named:
        if side == "S":
            event["event_id"] = event.get("event_id", "s")
    return named


def _with_ids(frames: list[Frame]) -> list[Frame]:
    """The frames, each with the id that its place gives it, but for those that have none."""
    without = ("session.output_audio.delta", "session.input_audio.append")
    for number, (side, event) in enumerate(frames):
        if side == "C" or event["type"] not in without:
            event["event_id"] = f"{side.lower()}{number}"
    return deepcopy(frames)


# --- mutations


def edit(type: str, path: str, value: Any, *, side: Side = "S", nth: int = 0) -> Mutation:
    """A field of the nth event of this type has another value; `...` takes it away."""

    def mutate(frames: list[Frame]) -> None:
        place: Any = [event for each, event in frames if each == side and event["type"] == type][nth]
        *parents, name = path.split(".")
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[name]
        else:
            place[name] = value

    return mutate


def drop(type: str) -> Mutation:
    """The server does not send its first event of this type."""

    def mutate(frames: list[Frame]) -> None:
        del frames[_place(frames, type)]

    return mutate


def move(type: str, to: int) -> Mutation:
    """The server's first event of this type comes at another place."""

    def mutate(frames: list[Frame]) -> None:
        frame = frames.pop(_place(frames, type))
        frames.insert(to if to >= 0 else len(frames), frame)

    return mutate


def repeat(type: str) -> Mutation:
    """The server sends its first event of this type twice, the second time with another id."""

    def mutate(frames: list[Frame]) -> None:
        at = _place(frames, type)
        frames.insert(at + 1, ("S", {**frames[at][1], "event_id": "again"}))

    return mutate


def come(at: int, **event: Any) -> Mutation:
    """One more event of the server comes at this place; -1: at the end."""

    def mutate(frames: list[Frame]) -> None:
        frames.insert(at if at >= 0 else len(frames), ("S", {"event_id": "more", **event}))

    return mutate


def _place(frames: list[Frame], type: str) -> int:
    return next(n for n, (side, event) in enumerate(frames) if side == "S" and event["type"] == type)

"""One response: its events, in order, and what they add up to."""

from __future__ import annotations

from typing import Any

from duologue.events import (
    RealtimeEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseTextDeltaEvent,
)
from duologue.events.base import encode_audio
from duologue.testing import Pair, play
from tests.protocol._wire import SPOKEN_END, client_event, create, done, respond, types, update, user_text

HALF_SECOND = bytes(24_000)


OPENING = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]


def test_metadata_is_repeated_in_created_and_in_done_however_the_response_ends(pair: Pair) -> None:
    def metadata(event: RealtimeEvent) -> Any:
        return event.to_json()["response"]["metadata"]

    [created] = pair.send(respond(metadata={"k": "v"}))
    assert metadata(created) == {"k": "v"}
    assert metadata(pair.send(client_event("response.cancel"))[-1]) == {"k": "v"}
    pair.send(respond(metadata={"k": "w"}))
    assert metadata(pair.fails("broken")[-1]) == {"k": "w"}


def test_a_text_response_has_its_events_in_order(pair: Pair) -> None:
    pair.send(create(user_text("hi")))
    where = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    item = {"item.id": "item_2", "item.role": "assistant"}
    empty = {**item, "item.status": "in_progress", "item.content": []}
    full = {**item, "item.status": "completed", "item.content": [{"type": "output_text", "text": "Hello there"}]}
    play(
        pair,
        [
            respond(output_modalities=["text"]),
            (
                "response.created",
                {
                    "response.id": "resp_1",
                    "response.status": "in_progress",
                    "response.output": [],
                    "response.status_details": None,
                    "response.usage": None,
                    "response.conversation_id": "conv_1",
                    "response.output_modalities": ["text"],
                },
            ),
            lambda: pair.responds("Hello"),
            ("response.output_item.added", {"response_id": "resp_1", "output_index": 0, **empty}),
            ("conversation.item.added", {"previous_item_id": "item_1", **empty}),
            ("response.content_part.added", {**where, "part": {"type": "text", "text": ""}}),
            ("response.output_text.delta", {**where, "delta": "Hello"}),
            lambda: pair.responds(" there"),
            ("response.output_text.delta", {**where, "delta": " there"}),
            pair.finishes,
            ("response.output_text.done", {**where, "text": "Hello there"}),
            ("response.content_part.done", {**where, "part": {"type": "text", "text": "Hello there"}}),
            ("conversation.item.done", {"previous_item_id": "item_1", **full}),
            ("response.output_item.done", {"response_id": "resp_1", "output_index": 0, **full}),
            (
                "response.done",
                {
                    "response.status": "completed",
                    "response.status_details": None,
                    "response.output.0.status": "completed",
                    "response.output.0.content": [{"type": "output_text", "text": "Hello there"}],
                },
            ),
        ],
    )


def test_a_spoken_response_has_its_events_in_order(pair: Pair) -> None:
    pair.send(create(user_text("hi")))
    where = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    play(
        pair,
        [
            respond(),
            ("response.created", {"response.audio.output.voice": "alloy"}),
            lambda: pair.responds("Hello"),
            ("response.output_item.added", {"item.content": []}),
            ("conversation.item.added", {"item.content": []}),
            ("response.content_part.added", {**where, "part": {"type": "audio", "transcript": ""}}),
            ("response.output_audio_transcript.delta", {**where, "delta": "Hello"}),
            lambda: pair.synthesizes(b"\1\2" * 10),
            ("response.output_audio.delta", {**where, "delta": encode_audio(b"\1\2" * 10)}),
            lambda: pair.responds(" there"),
            "response.output_audio_transcript.delta",
            pair.finishes,
            ("response.output_audio.done", where),
            ("response.output_audio_transcript.done", {**where, "transcript": "Hello there"}),
            ("response.content_part.done", {**where, "part": {"type": "audio", "transcript": "Hello there"}}),
            ("conversation.item.done", {"item.content": [{"type": "output_audio", "transcript": "Hello there"}]}),
            ("response.output_item.done", {"item.status": "completed"}),
            (
                "response.done",
                {"response.output.0.content": [{"type": "output_audio", "transcript": "Hello there"}]},
            ),
        ],
    )


def test_a_response_without_a_word_still_has_its_item(pair: Pair) -> None:
    pair.send(respond())
    assert types(pair.finishes()) == [*OPENING, *SPOKEN_END]


def test_the_usage_of_a_response_adds_up(pair: Pair) -> None:
    pair.send(update(instructions="x" * 40), create(user_text("y" * 80)), respond())
    pair.responds("z" * 20)
    pair.synthesizes(HALF_SECOND)
    usage = done(pair.finishes())["usage"]
    assert usage["input_tokens"] == 30 == sum(usage["input_token_details"][k] for k in ("text_tokens", "audio_tokens"))
    assert usage["output_token_details"] == {"text_tokens": 5, "audio_tokens": 10}
    assert usage["output_tokens"] == 15
    assert usage["total_tokens"] == 45


def test_deltas_join_to_what_the_done_event_says(pair: Pair) -> None:
    pieces = ["Hel", "lo", ", ", "", "wörld \N{WAVING HAND SIGN}", "\n"]
    pair.send(respond(output_modalities=["text"]))
    events = [event for piece in pieces for event in pair.responds(piece)] + pair.finishes()
    joined = "".join(event.delta for event in events if isinstance(event, ResponseTextDeltaEvent))
    assert joined == "".join(pieces) == next(e.to_json()["text"] for e in events if e.type.endswith("text.done"))
    pair.send(respond())
    events = [event for piece in pieces for event in pair.responds(piece)] + pair.finishes()
    joined = "".join(event.delta for event in events if isinstance(event, ResponseAudioTranscriptDeltaEvent))
    assert (
        joined == "".join(pieces) == next(e.to_json()["transcript"] for e in events if e.type.endswith("script.done"))
    )


def test_tools_and_instructions_are_read_by_a_response_that_begins() -> None:
    def read(**session: Any) -> int:
        pair = Pair()
        pair.connect()
        pair.send(update(**session), respond())
        usage = done(pair.finishes())["usage"]
        return int(usage["input_tokens"])

    tool = {"type": "function", "name": "f", "description": "x" * 400}
    assert [read(), read(tools=[tool]), read(tools=[tool], instructions="y" * 400)] == [0, 101, 201]

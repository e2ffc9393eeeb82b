"""What real servers add and spell otherwise does not cost an event its class."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from duologue import RealtimeEvent, UnknownRealtimeEvent, decode, encode, events
from duologue.codec import DIALECTS, EVENT_CLASSES
from duologue.dialects.rules import same
from tests.codec.frames import examples, frames


def with_news_everywhere(value: Any) -> Any:
    """An unknown field in every object, however deep."""
    if isinstance(value, dict):
        return {**{name: with_news_everywhere(inner) for name, inner in value.items()}, "a new field": "news"}
    return [with_news_everywhere(element) for element in value] if isinstance(value, list) else value


def with_points(value: Any) -> Any:
    """Every integer as some encoders spell it: 3.0 for 3."""
    if isinstance(value, dict):
        return {name: with_points(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_points(element) for element in value]
    return float(value) if type(value) is int and abs(value) < 2**53 else value


@pytest.mark.parametrize("change", [with_news_everywhere, with_points])
def test_news_in_every_object_and_points_in_every_integer_leave_the_class(change: Any) -> None:
    @examples(60)
    @given(frames())
    def check(fields: dict[str, Any]) -> None:
        changed = change(fields)
        event = decode(json.dumps(changed))
        assert type(event) is EVENT_CLASSES[fields["type"]]
        assert same(event.to_json(), changed)
        assert same(json.loads(encode(event)), changed)
        assert decode(encode(event)) == event == RealtimeEvent.from_json(changed)

    check()


@pytest.mark.parametrize("spelling", ["24000.0", "2.4e4", "24e3", "240000e-1"])
def test_a_whole_number_is_an_integer_however_it_is_spelled(spelling: str) -> None:
    text = '{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm",'
    text += '"rate":' + spelling + "}}}}}"
    for dialect in DIALECTS:
        event = decode(text, dialect=dialect)
        assert isinstance(event, events.SessionUpdateEvent)
        assert same(json.loads(encode(event, dialect=dialect)), json.loads(text))
    event = decode(text)
    assert isinstance(event, events.SessionUpdateEvent)
    match event.session:
        case events.RealtimeSessionConfig(
            audio=events.AudioConfig(input=events.AudioInputConfig(format=events.PcmAudioFormat(rate=rate)))
        ):
            assert (type(rate), rate) == (int, 24000)
        case other:
            pytest.fail(f"not typed as it should be: {other}")


@pytest.mark.parametrize("limit", [17.0, "inf", 17])
def test_a_whole_number_may_stand_where_a_word_may(limit: object) -> None:
    event = decode(json.dumps({"type": "response.create", "response": {"max_output_tokens": limit}}))
    assert isinstance(event, events.ResponseCreateEvent)
    assert isinstance(event.response, events.ResponseCreateParams)
    assert event.response.max_output_tokens == (17 if limit != "inf" else limit)


@pytest.mark.parametrize("spelling", ["0.5", "1e-3", "true", '"0"', "null", "[0]"])
def test_what_is_no_whole_number_is_a_problem_with_its_place(spelling: str) -> None:
    text = '{"type":"input_audio_buffer.speech_started","event_id":"e","item_id":"i","audio_start_ms":' + spelling + "}"
    event = decode(text)
    assert isinstance(event, UnknownRealtimeEvent)
    assert event.problem.startswith("Expected `int`, got ")
    assert event.problem.endswith(" - at `$.audio_start_ms`")
    assert event.to_json() == json.loads(text)


def test_bytes_of_a_log_probability_may_have_points_too() -> None:
    fields = {
        "type": "conversation.item.input_audio_transcription.delta",
        "event_id": "e",
        "item_id": "i",
        "logprobs": [{"token": "a", "logprob": -1, "bytes": [97.0]}],
    }
    event = decode(json.dumps(fields))
    assert isinstance(event, events.InputAudioTranscriptionDeltaEvent)
    assert event.logprobs == [events.LogProb(token="a", logprob=-1, bytes=[97])]

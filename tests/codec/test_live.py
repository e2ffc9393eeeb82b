"""Frames of a Live connection: what is particular to them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import duologue.events.live as live
from duologue.catalogue import events as entries
from duologue.catalogue import examples
from duologue.codec import decode, decode_live, encode_live
from duologue.events import CustomVoice, SessionUpdateEvent, UnknownRealtimeEvent, WireObject
from duologue.events.base import UnknownVariant

EXAMPLES = {entry.key: examples()[entry.key] for entry in entries() if entry.api == "live"}


def read(frame: dict[str, Any]) -> live.LiveEvent:
    event = decode_live(json.dumps(frame))
    assert event.to_json() == json.loads(encode_live(event)) == frame
    assert decode_live(encode_live(event)) == event
    return event


def parts(value: object) -> list[WireObject]:
    """The object and all objects inside it."""
    if isinstance(value, list):
        return [part for element in value for part in parts(element)]
    if not isinstance(value, WireObject):
        return []
    return [value, *(part for name in value.__struct_fields__ for part in parts(getattr(value, name)))]


@pytest.mark.parametrize("key", EXAMPLES)
def test_an_example_is_typed_to_its_last_part(key: str) -> None:
    event = read(EXAMPLES[key])
    assert not isinstance(event, live.UnknownLiveEvent)
    assert [part for part in parts(event) if part.extra or isinstance(part, UnknownVariant)] == []


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_new_field_is_kept_at_every_depth(key: str) -> None:
    def with_news(value: Any) -> Any:
        if isinstance(value, list):
            return [with_news(element) for element in value]
        if isinstance(value, dict):
            return {**{name: with_news(inner) for name, inner in value.items()}, "new": {"a": [1, None]}}
        return value

    assert type(read(with_news(EXAMPLES[key]))) is type(read(EXAMPLES[key]))


@pytest.mark.parametrize("name", ["session.new_thing", "response.done", "session.created", ""])
def test_an_unknown_event_is_kept_whole(name: str) -> None:
    event = read({"type": name, "event_id": "e", "delta": "a"})
    assert isinstance(event, live.UnknownLiveEvent)
    assert (event.type, event.event_id) == (name, "e")
    assert repr(name) in event.problem


def test_names_that_both_sides_send_have_one_class() -> None:
    mirrored = read({"type": "session.input_audio.append", "audio": "AAAA"})
    sent = read({"type": "session.input_audio.append", "event_id": "mine", "audio": "AAAA"})
    assert type(mirrored) is type(sent) is live.LiveInputAudioAppendEvent
    former = read({"type": "transport.dtmf.send", "event_id": "e", "client_event_id": "mine", "event": "5"})
    assert isinstance(former, live.LiveTransportDtmfSendEvent)
    assert former.client_event_id == "mine"


def test_four_keys_of_a_decision_are_there_and_may_be_null() -> None:
    frame = EXAMPLES["live:server:decision.event"]
    event = read(frame)
    assert isinstance(event, live.LiveDecisionEvent)
    assert (event.trigger_id, event.source_event_id, event.source_event_type) == (None, None, None)
    for key in ("delegation_id", "trigger_id", "source_event_id", "source_event_type"):
        without = {name: value for name, value in frame.items() if name != key}
        assert isinstance(read(without), live.UnknownLiveEvent)


@pytest.mark.parametrize("name", ["instructions", "thinking", "commentary"])
def test_an_append_says_null_where_it_answers_no_delegation(name: str) -> None:
    frame = {"type": f"session.{name}.append", "delegation_id": None, "content": "It rains."}
    assert not isinstance(read(frame), live.UnknownLiveEvent)
    assert isinstance(read({"type": f"session.{name}.append", "content": "It rains."}), live.UnknownLiveEvent)


def test_a_message_without_a_type_is_a_message_and_stays_without() -> None:
    event = read({"type": "decision.item.create", "item": {"role": "user", "content": "gold", "new": 1}})
    assert isinstance(event, live.LiveDecisionItemCreateEvent)
    assert isinstance(event.item, live.DecisionMessage)
    with_type = read({"type": "decision.item.create", "item": {"type": "message", "role": "user", "content": "gold"}})
    assert isinstance(with_type, live.LiveDecisionItemCreateEvent)
    assert isinstance(with_type.item, live.DecisionMessage)
    null = read({"type": "decision.item.create", "item": {"type": None, "role": "user", "content": "gold"}})
    assert isinstance(null, live.LiveDecisionItemCreateEvent)
    assert isinstance(null.item, live.UnknownDecisionItem)


@pytest.mark.parametrize(
    ("session", "unknown"),
    [
        ({"audio": {"format": {"type": "audio/opus", "rate": 48000}}}, live.UnknownLiveAudioFormat),
        ({"delegation": {"type": "committee", "members": 3}}, live.UnknownLiveDelegation),
        ({"delegation": {"type": "responses", "responses": {"tools": [{"type": "web_search"}]}}}, live.UnknownLiveTool),
        (
            {"delegation": {"type": "responses", "responses": {"tool_choice": {"type": "shell"}}}},
            live.UnknownLiveToolChoice,
        ),
        (
            {"triggers": [{"type": "decisions", "event_type": "x", "decisions": {"questions": [{"type": "rank"}]}}]},
            live.UnknownDecisionQuestion,
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_an_unknown_kind_stays_inside_the_typed_event(session: dict[str, Any], unknown: type[WireObject]) -> None:
    event = read({"type": "session.start", "session": {"model": "gpt-live-1", **session}})
    assert isinstance(event, live.LiveSessionStartEvent)
    assert unknown in {type(part) for part in parts(event)}


def test_unknown_values_are_kept_as_strings() -> None:
    frame = EXAMPLES["live:server:session.closed"]
    event = read({**frame, "reason": "moonrise", "session": {**frame["session"], "status": "asleep"}})
    assert isinstance(event, live.LiveSessionClosedEvent)
    assert event.reason == "moonrise"


def test_a_fork_names_no_model_and_a_voice_may_be_an_object() -> None:
    fork = read({"type": "session.start", "session": {}})
    assert isinstance(fork, live.LiveSessionStartEvent)
    own = read({"type": "session.start", "session": {"model": "m", "audio": {"output": {"voice": {"id": "v"}}}}})
    assert isinstance(own, live.LiveSessionStartEvent)
    assert CustomVoice(id="v") in parts(own)


@pytest.mark.parametrize("error", [{}, {"message": "Blocked."}, {"code": None, "message": "m", "type": "t"}])
def test_an_error_is_one_whatever_it_lacks(error: dict[str, Any]) -> None:
    assert isinstance(read({"type": "error", "error": error}), live.LiveErrorEvent)


def test_the_connection_decides_what_a_name_means() -> None:
    text = json.dumps({"type": "session.update", "session": {"delegation": {"type": "client"}}})
    assert isinstance(decode_live(text), live.LiveSessionUpdateEvent)
    assert isinstance(decode(text), SessionUpdateEvent | UnknownRealtimeEvent)


def test_only_the_family_that_is_used_is_imported() -> None:
    program = (
        "import sys, duologue; assert 'duologue.events.live' not in sys.modules;"
        "from duologue.events.live import LiveEvent, LiveSessionCloseEvent;"
        "assert 'duologue.codec.live' not in sys.modules;"
        "assert LiveSessionCloseEvent().to_json() == {'type': 'session.close'};"
        'assert LiveEvent.from_json(\'{"type":"session.close"}\') == LiveSessionCloseEvent()'
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


@pytest.mark.parametrize(
    "program",
    [
        "from duologue.events import InputAudioBufferCommitEvent as E; assert E().to_json()['type'] == E.type",
        'from duologue.events import RealtimeEvent as E; assert E.from_json(\'{"type":"response.cancel"}\').to_json()',
        "from duologue.events import TranslationSessionCloseEvent as E; assert E().to_json()",
        "from duologue.events import TranslationEvent as E; assert E.from_json({'type': 'session.close'}).to_json()",
    ],
)
def test_the_codec_of_a_family_is_loaded_at_the_first_use_of_its_events(program: str) -> None:
    begin = "import sys, duologue.events; assert 'duologue.codec' not in sys.modules; "
    subprocess.run([sys.executable, "-c", begin + program], check=True, timeout=30)

"""What only Azure Voice Live sends and takes is typed in its dialect, and in no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue import RealtimeEvent, UnknownRealtimeEvent, catalogue, connect, decode, encode
from duologue.codec import translate
from duologue.dialects import PROFILES
from duologue.events import azure_voice_live as azure
from duologue.events.base import ServerEvent
from duologue.transports import memory_pair

DIALECT = "azure-voice-live"
ENTRIES = [entry for entry in catalogue.events() if entry.api == DIALECT]


def frame_of(entry: catalogue.EventEntry) -> dict[str, Any]:
    return dict(catalogue.examples()[entry.key])


def test_all_27_are_there() -> None:
    assert len(ENTRIES) == 27
    assert {entry.class_name for entry in ENTRIES} <= set(azure.__all__)


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.wire for entry in ENTRIES])
def test_each_is_typed_in_its_dialect_and_comes_back_as_it_came(entry: catalogue.EventEntry) -> None:
    frame = frame_of(entry)
    without_id = {name: value for name, value in frame.items() if name != "event_id"}
    for each in (frame, without_id, {**frame, "a_new_field": {"deep": [1]}}):
        event = decode(json.dumps(each), dialect=DIALECT)
        assert type(event).__name__ == entry.class_name
        assert isinstance(event, ServerEvent) is (entry.direction == "server")
        assert event.to_json() == json.loads(encode(event, dialect=DIALECT)) == each


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.wire for entry in ENTRIES])
def test_one_that_does_not_fit_is_unknown_and_says_why(entry: catalogue.EventEntry) -> None:
    for field in (field.name for field in entry.fields if field.required and field.name != "type"):
        frame = {name: value for name, value in frame_of(entry).items() if name != field}
        event = decode(json.dumps(frame), dialect=DIALECT)
        assert isinstance(event, UnknownRealtimeEvent)
        assert f"`{field}`" in event.problem
        assert event.to_json() == frame


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.wire for entry in ENTRIES])
def test_no_other_dialect_has_them(entry: catalogue.EventEntry) -> None:
    text = json.dumps(frame_of(entry))
    event = decode(text, dialect=DIALECT)
    for dialect in [name for name in PROFILES if name != DIALECT]:
        assert isinstance(decode(text, dialect=dialect), UnknownRealtimeEvent)
        assert translate(event, dialect=dialect).frame is None
    assert isinstance(RealtimeEvent.from_json(frame_of(entry)), UnknownRealtimeEvent)


def test_frames_of_an_animation_are_numbers_or_base64() -> None:
    (entry,) = [entry for entry in ENTRIES if entry.wire == "response.animation_blendshapes.delta"]
    for frames in ([[0, 0.5], [1, 0.25]], [], "AAAA"):
        event = decode(json.dumps({**frame_of(entry), "frames": frames}), dialect=DIALECT)
        assert isinstance(event, azure.ResponseAnimationBlendshapesDeltaEvent)
        assert event.frames == frames


def test_audio_of_a_turn_is_not_in_its_repr() -> None:
    event = azure.InputAudioTurnAppendEvent.from_audio(bytes(480), turn_id="t")
    assert event.decode_audio() == bytes(480)
    assert "AAAA" not in repr(event)
    assert "480 bytes" in repr(event)


async def test_a_client_sends_and_receives_them() -> None:
    ours, theirs = memory_pair()
    async with connect(transport=ours, dialect=DIALECT) as connection:
        await connection.send(azure.SessionAvatarConnectEvent(client_sdp="offer"))
        sent = json.loads(await theirs.receive())
        assert (sent["type"], sent["client_sdp"]) == ("session.avatar.connect", "offer")
        await theirs.send('{"type":"session.avatar.connecting","server_sdp":"answer"}')
        event = await connection.receive(timeout=5)
        assert isinstance(event, azure.SessionAvatarConnectingEvent)
        assert event.server_sdp == "answer"

"""Settings that only Azure Voice Live has: typed on the way out, and in what the server tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue import decode, encode
from duologue.events import RealtimeSessionConfig, SessionUpdatedEvent, SessionUpdateEvent
from duologue.events.azure_voice_live_settings import (
    VoiceLiveAnimation,
    VoiceLiveAvatar,
    VoiceLiveEchoCancellation,
    VoiceLiveIceServer,
    VoiceLiveInterimResponse,
    VoiceLiveScene,
    VoiceLiveSettings,
    VoiceLiveVideo,
    VoiceLiveVideoCrop,
)

DIALECT = "azure-voice-live"

WIRE: dict[str, Any] = {
    "animation": {"model_name": "default", "outputs": ["blendshapes", "viseme_id"]},
    "avatar": {
        "character": "lisa",
        "customized": False,
        "style": "casual-sitting",
        "ice_servers": [{"urls": ["turn:relay.example"], "username": "u", "credential": "hidden"}],
        "video": {"codec": "h264", "crop": {"top_left": [0, 0], "bottom_right": [400, 400]}},
        "scene": {"zoom": 1.5, "amplitude": 1},
        "output_protocol": "websocket",
    },
    "input_audio_echo_cancellation": {"type": "server_echo_cancellation", "channels": 1},
    "output_audio_timestamp_types": ["word"],
    "interim_response": {"type": "static_interim_response", "triggers": ["latency"], "texts": ["One moment."]},
}

TYPED = VoiceLiveSettings(
    animation=VoiceLiveAnimation(model_name="default", outputs=["blendshapes", "viseme_id"]),
    avatar=VoiceLiveAvatar(
        character="lisa",
        customized=False,
        style="casual-sitting",
        ice_servers=[VoiceLiveIceServer(urls=["turn:relay.example"], username="u", credential="hidden")],
        video=VoiceLiveVideo(codec="h264", crop=VoiceLiveVideoCrop(top_left=[0, 0], bottom_right=[400, 400])),
        scene=VoiceLiveScene(zoom=1.5, amplitude=1),
        output_protocol="websocket",
    ),
    input_audio_echo_cancellation=VoiceLiveEchoCancellation(type="server_echo_cancellation", channels=1),
    output_audio_timestamp_types=["word"],
    interim_response=VoiceLiveInterimResponse(
        type="static_interim_response", triggers=["latency"], texts=["One moment."]
    ),
)


def updated(**session: Any) -> SessionUpdatedEvent:
    frame = {"type": "session.updated", "event_id": "e", "session": {"id": "s", "modalities": ["text"], **session}}
    event = decode(json.dumps(frame), dialect=DIALECT)
    assert isinstance(event, SessionUpdatedEvent)
    return event


def test_what_a_program_sets_is_what_is_sent() -> None:
    update = SessionUpdateEvent(session=RealtimeSessionConfig(instructions="Be short.", extra=TYPED.as_extra()))
    assert json.loads(encode(update, dialect=DIALECT))["session"] == {"instructions": "Be short.", **WIRE}


def test_what_the_server_tells_is_typed_and_what_is_newer_stays_in_the_session() -> None:
    session = updated(**WIRE, weather="fair").session
    assert VoiceLiveSettings.of(session) == TYPED
    assert session.extra["weather"] == "fair"


def test_a_session_without_them_has_none() -> None:
    assert VoiceLiveSettings.of(updated().session) == VoiceLiveSettings.of(None) == VoiceLiveSettings()
    assert dict(VoiceLiveSettings().as_extra()) == {}


def test_a_setting_of_another_type_is_named() -> None:
    with pytest.raises(ValueError, match=r"\$\.animation\.outputs"):
        VoiceLiveSettings.of(updated(animation={"outputs": 3}).session)


def test_a_key_is_not_in_the_repr() -> None:
    assert "hidden" not in repr(TYPED)

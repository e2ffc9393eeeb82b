"""What each vendor sends is read as the one canonical model, and a change to it reaches the vendor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from duologue import UnknownRealtimeEvent, decode, encode
from duologue.codec import EVENT_CLASSES
from duologue.codec.known import forgiving_reader, own_classes
from duologue.dialects import LIVE_PROFILES, PROFILES, Profile
from duologue.dialects.profile import FrameProfile
from duologue.dialects.utterance import PUBLISHED, UtteranceProfile
from duologue.events import RealtimeEvent
from tests.dialects.vendor_frames import VENDOR_FRAMES

OF_THEIR_OWN = {
    "xai": {"ping"},
    "qwen": {"conversation.item.input_audio_transcription.text", "session.finished"},
    "glm": {"input_audio_buffer.append_video_frame", "heartbeat"},
    "inworld": {"ping"},
    "sglang": {"session.closed", "transcription.segment"},
    "speaches": {"partial_message"},
    "localai": {"localai.classifier.result"},
}
"""Events without a counterpart, which stay unknown."""

CASES = [(dialect, index) for dialect, frames in VENDOR_FRAMES.items() for index in range(len(frames))]


def written(event: RealtimeEvent, dialect: str) -> dict[str, Any]:
    frame = json.loads(encode(event, dialect=dialect))
    assert isinstance(frame, dict)
    return frame


def test_every_dialect_has_frames_to_prove_it() -> None:
    assert set(VENDOR_FRAMES) == set(PROFILES)
    assert len(VENDOR_FRAMES) == len(PROFILES)


@pytest.mark.parametrize(("dialect", "index"), CASES)
def test_a_vendors_frame_is_typed_unless_nobody_else_has_its_like(dialect: str, index: int) -> None:
    frame = VENDOR_FRAMES[dialect][index]
    event = decode(json.dumps(frame), dialect=dialect)
    if frame["type"] in OF_THEIR_OWN.get(dialect, set()):
        assert isinstance(event, UnknownRealtimeEvent)
        assert event.problem.startswith("unknown event type")
    else:
        assert not isinstance(event, UnknownRealtimeEvent), event.problem
        assert event.type in {*EVENT_CLASSES, *own_classes(dialect)}


@pytest.mark.parametrize(("dialect", "index"), CASES)
def test_a_frame_is_kept_only_where_the_rules_would_not_give_it_back(dialect: str, index: int) -> None:
    profile, frame = PROFILES[dialect], VENDOR_FRAMES[dialect][index]
    event = decode(json.dumps(frame), dialect=dialect)
    fits = not isinstance(forgiving_reader(dialect).read(profile.read(frame)), UnknownRealtimeEvent)
    if fits and not isinstance(event, UnknownRealtimeEvent) and dialect != "openai":
        comes_back = event.type not in profile.lacks_events and profile.write(profile.read(frame), []) == frame
        assert event.extra.frame == (None if comes_back else frame)


@pytest.mark.parametrize(("dialect", "index"), CASES)
def test_a_changed_event_is_written_changed(dialect: str, index: int) -> None:
    event = decode(json.dumps(VENDOR_FRAMES[dialect][index]), dialect=dialect)
    if isinstance(event, UnknownRealtimeEvent):
        return
    changed = msgspec.structs.replace(event, event_id="event_changed")
    frame = written(changed, dialect)
    assert frame["event_id"] == "event_changed"
    assert decode(json.dumps(frame), dialect=dialect) == changed


def test_what_a_vendor_was_thought_to_lack_stays_when_it_sent_it_itself() -> None:
    updated = next(frame for frame in VENDOR_FRAMES["azure-preview"] if frame["type"] == "session.updated")
    created = json.loads(json.dumps(updated))
    created["session"] |= {"truncation": "auto", "prompt": None}
    event = decode(json.dumps(created), dialect="azure-preview")
    frame = written(msgspec.structs.replace(event, event_id="event_changed"), "azure-preview")
    assert (frame["session"]["truncation"], frame["session"]["prompt"]) == ("auto", None)
    assert (frame["event_id"], frame["session"]["voice"]) == ("event_changed", "sage")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_names_only_events_that_exist(profile: Profile) -> None:
    assert set(profile.names.values()) | profile.lacks_events | set(profile.rules) - {"*"} <= set(EVENT_CLASSES)
    assert profile.notes or profile.name == "openai"


def test_a_word_for_a_format_that_nobody_knows_stays_a_format() -> None:
    frame = {"type": "session.update", "session": {"input_audio_format": "opus_48k"}}
    event: Any = decode(json.dumps(frame), dialect="openai-beta")
    assert event.session.audio.input.format.type == "opus_48k"
    assert written(event, "openai-beta") == frame


def test_the_page_of_dialects_has_a_line_for_each() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    assert lines == [_line(profile) for profile in (*PROFILES.values(), *LIVE_PROFILES.values())]


def _line(profile: FrameProfile) -> str:
    input_, output = (
        ", ".join(f"{rate / 1000:g}" for rate in rates) or "-"
        for rates in (profile.input_rates_hz, profile.output_rates_hz)
    )
    minutes = "?" if profile.session_minutes is None else f"{profile.session_minutes} min"
    cells = [f"`{profile.name}`", profile.title, input_, output, ", ".join(profile.auth), minutes, profile.notes]
    return f"| {' | '.join(cells)} |"


COMMIT = {"type": "input_audio_buffer.commit"}
BY_COMMITS = UtteranceProfile(
    names_model_first=True, begin=COMMIT, end={**COMMIT, "final": True}, is_transcribed_once=True
)
CLOSED_BY_COMMAND = UtteranceProfile(finish={"type": "session.close"}, finished="session.closed")
BESIDE: dict[str, dict[str, Any]] = {
    **{name: {"intent": True} for name in ("openai", "openai-beta", "azure-preview")},
    "xai": {
        "heartbeats": {"ping"},
        "twins": {"response.text.delta", "response.text.done", "response.audio.delta", "response.audio.done"},
    },
    "glm": {"heartbeats": {"heartbeat"}},
    "inworld": {"heartbeats": {"ping"}},
    "qwen": {
        "utterance": UtteranceProfile(
            finish={"type": "session.finish"},
            finished="session.finished",
            finish_models=("asr", "translate", "gummy", "paraformer"),
        )
    },
    "vllm": {"utterance": BY_COMMITS},
    "vllm-omni": {"utterance": BY_COMMITS},
    "sglang": {"utterance": CLOSED_BY_COMMAND},
    "speaches": {"intent": True, "intent_takes_model": True, "utterance": CLOSED_BY_COMMAND},
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_says_what_no_frame_shows(profile: Profile) -> None:
    told = {
        name: getattr(profile, name) for name in ("intent", "intent_takes_model", "heartbeats", "twins", "utterance")
    }
    assert {name: value for name, value in told.items() if value not in (False, frozenset(), PUBLISHED)} == BESIDE.get(
        profile.name, {}
    )

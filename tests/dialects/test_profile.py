"""What each vendor sends is read as the one canonical model, and a change to it reaches the vendor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from duologue import UnknownRealtimeEvent, decode, encode, events
from duologue.codec import EVENT_CLASSES
from duologue.dialects import PROFILES, Profile
from duologue.events import RealtimeEvent
from tests.dialects.vendor_frames import VENDOR_FRAMES

OF_THEIR_OWN = {
    "azure-voice-live": {"response.animation_viseme.delta"},
    "xai": {"ping"},
    "qwen": {"conversation.item.input_audio_transcription.text", "session.finished"},
    "glm": {"input_audio_buffer.append_video_frame", "heartbeat"},
    "inworld": {"ping"},
    "sglang": {"session.closed"},
    "speaches": {"partial_message"},
    "localai": {"localai.classifier.result"},
}
"""Events without a counterpart, which stay unknown."""

CASES = [(dialect, index) for dialect, frames in VENDOR_FRAMES.items() for index in range(len(frames))]


def read(dialect: str, name: str, nth: int = 0) -> Any:
    """The vendor's nth frame of this name, as an event."""
    frames = [frame for frame in VENDOR_FRAMES[dialect] if frame["type"] == name]
    return decode(json.dumps(frames[nth]), dialect=dialect)


def written(event: RealtimeEvent, dialect: str) -> dict[str, Any]:
    frame = json.loads(encode(event, dialect=dialect))
    assert isinstance(frame, dict)
    return frame


def test_every_dialect_has_frames_to_prove_it() -> None:
    assert set(VENDOR_FRAMES) == set(PROFILES)


@pytest.mark.parametrize(("dialect", "index"), CASES)
def test_a_vendors_frame_is_typed_unless_nobody_else_has_its_like(dialect: str, index: int) -> None:
    frame = VENDOR_FRAMES[dialect][index]
    event = decode(json.dumps(frame), dialect=dialect)
    if frame["type"] in OF_THEIR_OWN.get(dialect, set()):
        assert isinstance(event, UnknownRealtimeEvent)
        assert event.problem.startswith("unknown event type")
    else:
        assert not isinstance(event, UnknownRealtimeEvent), event.problem
        assert event.type in EVENT_CLASSES


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


def session(event: Any) -> events.RealtimeSession:
    assert isinstance(event.session, events.RealtimeSession)
    return event.session


def audio(event: Any) -> tuple[events.AudioInputConfig, events.AudioOutputConfig]:
    config = event.session.audio
    assert isinstance(config, events.AudioConfig)
    assert isinstance(config.input, events.AudioInputConfig)
    return config.input, config.output if isinstance(config.output, events.AudioOutputConfig) else (
        events.AudioOutputConfig()
    )


PCM_16K, PCM_24K = events.PcmAudioFormat(rate=16000), events.PcmAudioFormat(rate=24000)


@pytest.mark.parametrize(
    ("dialect", "heard", "spoken"),
    [
        ("openai", PCM_24K, PCM_24K),
        ("openai-beta", PCM_24K, PCM_24K),
        ("azure-voice-live", PCM_16K, PCM_24K),
        ("qwen", PCM_16K, PCM_24K),
        ("stepfun", PCM_24K, PCM_24K),
        ("speaches", PCM_24K, PCM_24K),
    ],
)
def test_a_flat_session_becomes_the_nested_one(dialect: str, heard: Any, spoken: Any) -> None:
    event = read(dialect, "session.created")
    input_, output = audio(event)
    assert session(event).output_modalities == ["audio"]
    assert (input_.format, output.format) == (heard, spoken)
    assert isinstance(input_.turn_detection, events.ServerVad)
    assert isinstance(output.voice, (str, events.CustomVoice))


def test_beta_items_and_parts_may_leave_out_whatever_they_like() -> None:
    done = read("openai-beta", "response.done", 1)
    assert isinstance(done.response.output[0], events.UnknownItem)
    call, message = (read("openai-beta", "conversation.item.created", nth).item for nth in (2, 3))
    assert (call.name, call.arguments) == ("height", "")
    assert (message.role, message.content[0]) == ("", events.InputTextPart(text=""))
    assert isinstance(message.content[1], events.UnknownPart)
    assert read("openai-beta", "response.content_part.added", 1).part == events.TextPart(text="")
    assert type(read("openai-beta", "output_audio_buffer.audio_started")) is events.OutputAudioBufferStartedEvent
    started = events.OutputAudioBufferStartedEvent(event_id="e", response_id="r")
    assert written(started, "openai-beta")["type"] == "output_audio_buffer.started"


def test_localai_drops_what_is_empty() -> None:
    assert read("localai", "response.output_item.added").item.content == []
    assert read("localai", "response.output_audio_transcript.delta").delta == ""
    assert read("localai", "response.function_call_arguments.done").arguments == ""
    failed = read("localai", "error").error
    assert (failed.type, failed.message) == ("", "")


def test_a_session_that_only_transcribes_had_events_of_its_own() -> None:
    event = read("openai-beta", "transcription_session.updated")
    assert type(event) is events.SessionUpdatedEvent
    assert isinstance(event.session, events.TranscriptionSession)
    update = events.SessionUpdateEvent(
        session=events.TranscriptionSessionConfig(
            audio=events.TranscriptionSessionAudio(
                input=events.TranscriptionSessionAudioInput(format=events.PcmuAudioFormat())
            )
        )
    )
    assert written(update, "openai-beta") == {
        "type": "transcription_session.update",
        "session": {"input_audio_format": "g711_ulaw"},
    }


def test_voice_live_tells_voices_as_objects_and_the_rate_beside_the_format() -> None:
    update = read("azure-voice-live", "session.update")
    input_, output = audio(update)
    assert (input_.format, output.format, output.voice) == (PCM_16K, PCM_16K, "alloy")
    assert isinstance(audio(read("azure-voice-live", "session.created"))[1].voice, events.CustomVoice)
    frame = written(update, "azure-voice-live")["session"]
    assert (frame["voice"], frame["input_audio_sampling_rate"]) == ({"type": "openai", "name": "alloy"}, 16000)


def test_xai_fills_its_gaps_and_finds_what_a_response_cost() -> None:
    assert audio(read("xai", "session.created"))[0].turn_detection is None
    tools = session(read("xai", "session.updated")).tools
    assert isinstance(tools, list)
    assert isinstance(tools[0], events.FunctionTool)
    assert tools[0].name == "height"
    done = read("xai", "response.done")
    assert (done.response.status_details, done.response.usage.total_tokens) == (None, 31)
    assert isinstance(done.response.output[0].content[0], events.OutputAudioPart)
    assert read("xai", "response.output_item.added").item.content == []
    assert isinstance(read("xai", "response.content_part.done").part, events.UnknownPart)
    transcription = audio(read("xai", "session.update"))[0].transcription
    assert isinstance(transcription, events.AudioTranscription)
    assert (transcription.language, transcription.keywords) == ("en", ["Eiffel"])
    assert written(msgspec.structs.replace(done, event_id="e"), "xai")["usage"]["total_tokens"] == 31


def test_qwen_counts_tokens_under_a_plural() -> None:
    usage = read("qwen", "response.done").response.usage
    assert isinstance(usage.input_token_details, events.ResponseUsageInputTokenDetails)
    assert usage.input_token_details.audio_tokens == 8


def test_glm_says_client_vad_where_others_say_null() -> None:
    input_, output = audio(read("glm", "session.update"))
    assert input_.turn_detection is None
    assert isinstance(input_.format, events.UnknownAudioFormat)
    assert (input_.format.type, output.format) == ("audio/wav", PCM_24K)
    assert read("glm", "response.audio.delta").item_id == ""
    started = read("glm", "input_audio_buffer.speech_started")
    assert (started.item_id, started.audio_start_ms) == ("", 0)


def test_vllm_has_no_session_and_says_errors_in_a_word() -> None:
    created = read("vllm", "session.created")
    assert isinstance(created.session, events.TranscriptionSession)
    assert (created.event_id, created.session.id) == ("", "sess-1f")
    failed = read("vllm", "error").error
    assert (failed.type, failed.message, failed.code) == ("", "Unknown event type: response.create", "unknown_event")
    completed = read("vllm", "transcription.done")
    assert type(completed) is events.InputAudioTranscriptionCompletedEvent
    assert (completed.transcript, completed.item_id) == ("And the bridge?", "")
    assert isinstance(completed.usage, events.TranscriptionTokenUsage)
    assert completed.usage.output_tokens == 5
    assert type(read("vllm", "transcription.delta")) is events.InputAudioTranscriptionDeltaEvent
    assert read("vllm", "session.update").session.audio.input.transcription.model == "voxtral-mini"


def test_vllm_omni_has_its_audio_in_a_field_of_another_name() -> None:
    delta = read("vllm-omni", "response.audio.delta")
    assert type(delta) is events.ResponseAudioDeltaEvent
    assert len(delta.decode_audio()) == 8
    later = events.ResponseAudioDeltaEvent(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta="AAA="
    )
    assert written(later, "vllm-omni")["audio"] == "AAA="


def test_together_changes_its_session_by_a_servers_event() -> None:
    update = read("together", "transcription_session.updated")
    assert type(update) is events.SessionUpdateEvent
    assert isinstance(update.session, events.TranscriptionSessionConfig)


def test_a_word_for_a_format_that_nobody_knows_stays_a_format() -> None:
    frame = {"type": "session.update", "session": {"input_audio_format": "opus_48k"}}
    event: Any = decode(json.dumps(frame), dialect="openai-beta")
    assert event.session.audio.input.format.type == "opus_48k"
    assert written(event, "openai-beta") == frame


def test_the_page_of_dialects_has_a_line_for_each() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    assert lines == [_line(profile) for profile in PROFILES.values()]


def _line(profile: Profile) -> str:
    input_, output = (
        ", ".join(f"{rate / 1000:g}" for rate in rates) or "-"
        for rates in (profile.input_rates_hz, profile.output_rates_hz)
    )
    minutes = "?" if profile.session_minutes is None else f"{profile.session_minutes} min"
    cells = [f"`{profile.name}`", profile.title, input_, output, ", ".join(profile.auth), minutes, profile.notes]
    return f"| {' | '.join(cells)} |"

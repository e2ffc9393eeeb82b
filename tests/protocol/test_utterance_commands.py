"""The commands of a client in a server's order, without a connection."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from duologue.dialects import PROFILES
from duologue.errors import LocalProtocolError
from duologue.events import (
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    InputAudioTranscriptionCompletedEvent,
    RealtimeError,
    RealtimeEvent,
    RealtimeSessionConfig,
    SessionUpdateEvent,
)
from duologue.protocol import utterance_commands
from duologue.protocol.utterance_commands import UtteranceCommands

AUDIO = InputAudioBufferAppendEvent.from_audio(bytes(320))
COMMIT = InputAudioBufferCommitEvent(event_id="c")
TOLD = InputAudioTranscriptionCompletedEvent(event_id="", item_id="", content_index=0, transcript="t", usage=None)
FAILED = ErrorEvent(error=RealtimeError(type="", message="out of memory"))


def vllm(model: str | None = "m") -> UtteranceCommands:
    commands = UtteranceCommands(PROFILES["vllm"].utterance, model=model)
    commands.first()
    return commands


def words(events: Iterable[RealtimeEvent]) -> list[str]:
    names = {AUDIO.type: "audio", COMMIT.type: "begin"}
    return ["end" if event.extra.get("final") else names.get(str(event.type), str(event.type)) for event in events]


def test_where_nothing_is_prescribed_events_go_out_as_they_are() -> None:
    commands = UtteranceCommands()
    for event in (AUDIO, COMMIT, SessionUpdateEvent(session=RealtimeSessionConfig())):
        assert list(commands.outgoing(event)) == [event]
    assert commands.first() == []
    assert commands.end() == []
    assert commands.passes_audio
    assert commands.is_told


def test_an_utterance_begins_with_its_first_audio_and_ends_with_the_commit() -> None:
    commands = vllm()
    assert words(commands.outgoing(AUDIO)) == ["begin", "audio"]
    assert commands.passes_audio
    assert words(commands.outgoing(AUDIO)) == ["audio"]
    [end] = commands.outgoing(COMMIT)
    assert (words([end]), end.event_id) == (["end"], "c")
    assert not commands.is_told
    assert commands.received(TOLD) == []
    assert commands.is_told


def test_a_commit_of_the_application_before_its_audio_begins_the_utterance() -> None:
    commands = vllm()
    assert words(commands.outgoing(COMMIT)) == ["begin"]
    assert words(commands.outgoing(AUDIO)) == ["audio"]
    assert words(commands.end()) == ["end"]
    assert words(commands.end()) == []


@pytest.mark.parametrize("over", [TOLD, FAILED], ids=["transcribed", "failed"])
def test_what_comes_while_an_utterance_is_transcribed_waits_in_its_order(over: RealtimeEvent) -> None:
    commands = vllm()
    for event in (AUDIO, COMMIT):
        commands.outgoing(event)
    waiting: tuple[RealtimeEvent, ...] = (AUDIO, AUDIO, COMMIT, AUDIO, InputAudioBufferClearEvent(), COMMIT)
    assert [list(commands.outgoing(event)) for event in waiting] == [[]] * 6
    assert words(commands.received(over)) == ["begin", "audio", "audio", "end"]
    assert words(commands.received(over)) == ["begin", "audio", "input_audio_buffer.clear", "end"]
    assert not commands.is_told
    assert commands.received(over) == []
    assert commands.is_told


def test_waiting_audio_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance_commands, "_MAX_HELD_CHARS", 3 * len(AUDIO.audio))
    commands = vllm()
    for event in (AUDIO, COMMIT, AUDIO, AUDIO, AUDIO):
        commands.outgoing(event)
    with pytest.raises(LocalProtocolError, match="has not ended the last utterance"):
        commands.outgoing(AUDIO)


def test_the_model_is_named_first_and_in_every_update() -> None:
    commands = UtteranceCommands(PROFILES["vllm"].utterance, model="voxtral")
    [first] = commands.first()
    assert first.to_json() == {"type": "session.update", "model": "voxtral"}
    [update] = commands.outgoing(SessionUpdateEvent(session=RealtimeSessionConfig()))
    assert update.to_json()["model"] == "voxtral"


def test_without_a_model_speech_is_refused_until_an_update_names_one() -> None:
    commands = vllm(model=None)
    assert commands.first() == []
    assert commands.lacks_model
    with pytest.raises(LocalProtocolError, match="model="):
        commands.outgoing(AUDIO)
    commands.outgoing(SessionUpdateEvent(session=RealtimeSessionConfig()))
    assert words(commands.outgoing(AUDIO)) == ["begin", "audio"]

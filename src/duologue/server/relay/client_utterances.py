"""The commands of a relay's client around its utterances, where its dialect has others than the upstream's.

What begins an utterance has no counterpart elsewhere; what ends it is a commit; and what says that no more audio comes
is answered by the relay itself, once the upstream has told everything that was said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from duologue.codec.jsontext import write_text
from duologue.dialects import Profile
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    ErrorEvent,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    SessionUpdateEvent,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.input_progress import InputProgress
from duologue.protocol.utterance_commands import UtteranceCommands

__all__ = ["ClientUtterances"]


class ClientUtterances:
    """One client's commands, in their order."""

    def __init__(
        self, profile: Profile, upstream: UtteranceCommands, *, model: str | None, new_id: Callable[[str], str]
    ) -> None:
        """`upstream` has the commands that the upstream gets."""
        self._utterance = profile.utterance
        self._responds = bool(profile.output_rates_hz)
        self._upstream = upstream
        self._model = model
        self._new_id = new_id
        self._progress = InputProgress()
        self._finishing: str | None = None
        """The id of the commit that ends the input."""

    def up(self, event: RealtimeEvent, *, ends: bool) -> Sequence[RealtimeEvent] | None:
        """The canonical events for a command of the client's dialect; None for an event that is no such command.

        `ends` says whether a commit ends an utterance in that dialect.
        """
        begins = self._utterance.begin is not None
        match event:
            case InputAudioBufferCommitEvent() if begins:
                if not ends:
                    return ()
                commit = InputAudioBufferCommitEvent(event_id=event.event_id)
                # The end of an utterance asks for the response too.
                return (commit, ResponseCreateEvent()) if self._responds else (commit,)
            case SessionUpdateEvent(session=RealtimeSessionConfig() | TranscriptionSessionConfig() as config) if begins:
                # The client alone says when its utterances end.
                return (msgspec.structs.replace(event, session=_without_turn_detection(config)),)
            case UnknownRealtimeEvent() if self._utterance.takes_finish(self._model):
                assert self._utterance.finish is not None
                return self._finish() if event.type == self._utterance.finish["type"] else None
            case _:
                return None

    def _finish(self) -> Sequence[RealtimeEvent]:
        self._finishing = self._new_id("event")
        if not self._upstream.passes:
            return (InputAudioBufferCommitEvent(event_id=self._finishing),) if self._upstream.is_open else ()
        if self._progress.detects_turns and not self._progress.user_speaks:
            return ()
        self._progress.committed_by_client(self._finishing)
        return (InputAudioBufferCommitEvent(event_id=self._finishing),)

    def is_for_client(self, event: RealtimeEvent) -> bool:
        """Take an event of the upstream's. False: the client does not get it, because it has not sent that commit."""
        if self._utterance.finish is None:
            return True
        self._progress.receive(event)
        return not (isinstance(event, ErrorEvent) and self._finishing is not None and self._is_about_finish(event))

    def _is_about_finish(self, event: ErrorEvent) -> bool:
        return is_set(event.error.event_id) and event.error.event_id == self._finishing

    def take_frames(self) -> list[str]:
        """The messages for the client that are due now: the answer to the end of its input."""
        told = self._progress if self._upstream.passes else self._upstream
        if self._finishing is None or not told.is_told:
            return []
        self._finishing = None
        answer = {"event_id": self._new_id("event"), "type": self._utterance.finished}
        return [write_text(answer).decode("utf-8")]


def _without_turn_detection(config: RealtimeSessionConfig | TranscriptionSessionConfig) -> Any:
    if isinstance(config, RealtimeSessionConfig):
        audio = config.audio if is_set(config.audio) else AudioConfig()
        heard = audio.input if is_set(audio.input) else AudioInputConfig()
        audio = msgspec.structs.replace(audio, input=msgspec.structs.replace(heard, turn_detection=None))
        return msgspec.structs.replace(config, audio=audio)
    told = config.audio if is_set(config.audio) else TranscriptionSessionAudio()
    transcribed = told.input if is_set(told.input) else TranscriptionSessionAudioInput()
    told = msgspec.structs.replace(told, input=msgspec.structs.replace(transcribed, turn_detection=None))
    return msgspec.structs.replace(config, audio=told)

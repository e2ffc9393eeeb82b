"""Shows a recording of a Live or a translation session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from duologue.cli.errors import EXIT_FAILURE, sentence_of
from duologue.cli.views.family_timeline import FamilyEvent, FamilyTimeline
from duologue.cli.views.recorded import sentence_of_line
from duologue.cli.views.summary import SummaryBuilder, turn_lines
from duologue.cli.views.views import print_json, without_audio
from duologue.codec import decode_live, decode_translation
from duologue.dialects import LIVE_PROFILES
from duologue.errors import DecodeError, RecordingError
from duologue.events.live import LiveInputTranscriptDeltaEvent, LiveOutputTranscriptDeltaEvent, UnknownLiveEvent
from duologue.events.translation import UnknownTranslationEvent
from duologue.inspection import CallFold
from duologue.printable import printable
from duologue.protocol.live.client.notices import Speaker
from duologue.protocol.live.client.transcript import TranscriptGrouper
from duologue.recording import Frame, RecordingReader

__all__ = ["replay_family"]

_SELF: Final = "openai-live"

_SPEAKERS: Final[Mapping[type, Speaker]] = {
    LiveInputTranscriptDeltaEvent: "user",
    LiveOutputTranscriptDeltaEvent: "assistant",
}


def replay_family(recording: RecordingReader, caption: str, *, json: bool) -> int:
    """Print a recording, message by message; then what was said, and the turns. Returns the exit code."""
    read, timeline, grouper = _reader(recording), FamilyTimeline(), TranscriptGrouper()
    builder, fold = SummaryBuilder(), CallFold(recording.header)
    builder.recorded = fold.view
    failure: str | None = None
    found = False
    if not json:
        print(printable(caption), flush=True)
    try:
        for line in recording.lines():
            fold.push(line)
            if isinstance(line, Frame):
                found = True
                event = read(line.message)
                if json:
                    print_json({"at_s": line.at_s, "direction": line.direction, "event": without_audio(event)})
                    continue
                for finished in timeline.push(line.at_s, line.direction, event):
                    print(finished, flush=True)
                grouper.tick(line.at_s)
                if isinstance(event, LiveInputTranscriptDeltaEvent | LiveOutputTranscriptDeltaEvent):
                    grouper.add(_SPEAKERS[type(event)], event.delta, event.start_ms, event.end_ms, now=line.at_s)
            elif not json and (sentence := sentence_of_line(line)) is not None:
                print(printable(sentence), flush=True)
        if not found and not recording.cut_off:
            failure = f"{recording.path} is a recording of a session without messages"
    except RecordingError as fault:
        failure = sentence_of(fault)
    for finished in timeline.close():
        print(finished)
    grouper.end()
    said = str(grouper.utterances)
    if said and not json:
        print("\n" + "\n".join(map(printable, said.split("\n"))))
    _show_turns(builder, json=json)
    if recording.cut_off:
        print(f"duologue: {recording.path} ends in the middle of a line, as a crash leaves it", file=sys.stderr)
    if failure is not None:
        print(f"duologue: {failure}", file=sys.stderr)
        return EXIT_FAILURE
    return 0


def _show_turns(builder: SummaryBuilder, *, json: bool) -> None:
    summary = builder.summary()
    if json:
        turns = msgspec.to_builtins(summary.turns)
        print_json({"summary": {"turns": turns, "latencies_from": summary.latencies_from}})
        return
    lines = turn_lines(summary)
    if lines:
        print()
    for label, text in lines:
        print(f"{label:<12} {text}")


def _reader(recording: RecordingReader) -> Callable[[str | bytes], FamilyEvent]:
    told = recording.header.dialect
    dialect = told if told is not None and told in LIVE_PROFILES else _SELF

    def live(message: str | bytes) -> FamilyEvent:
        try:
            return decode_live(message, dialect=dialect)
        except DecodeError as fault:
            return UnknownLiveEvent(json={}, problem=str(fault))

    def translation(message: str | bytes) -> FamilyEvent:
        try:
            return decode_translation(message)
        except DecodeError as fault:
            return UnknownTranslationEvent(json={}, problem=str(fault))

    return live if recording.header.family == "live" else translation

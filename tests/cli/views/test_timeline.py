"""Events as lines."""

from __future__ import annotations

from duologue import RealtimeEvent
from duologue.cli.turns.observations import Observation
from duologue.cli.views.timeline import Timeline, TimelineLine
from duologue.events import (
    InputAudioBufferAppendEvent,
    InputAudioBufferClearedEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioTranscriptDeltaEvent,
    UnknownRealtimeEvent,
)
from duologue.events.base import encode_audio
from duologue.recording import Direction


def audio(ms: int) -> ResponseAudioDeltaEvent:
    return ResponseAudioDeltaEvent(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta=encode_audio(bytes(48 * ms))
    )


def words(text: str) -> ResponseAudioTranscriptDeltaEvent:
    return ResponseAudioTranscriptDeltaEvent(
        event_id="e", response_id="r", item_id="i", output_index=0, content_index=0, delta=text
    )


def lines(*events: RealtimeEvent, direction: Direction = "received") -> list[TimelineLine]:
    timeline = Timeline()
    finished = [
        line for at_s, event in enumerate(events) for line in timeline.push(Observation(float(at_s), direction, event))
    ]
    return finished + timeline.close()


def test_pieces_share_a_line_with_their_count_and_their_total() -> None:
    line, last = lines(
        *[InputAudioBufferAppendEvent.from_audio(bytes(4800))] * 3, InputAudioBufferClearedEvent(event_id="e")
    )
    assert (line.count, line.audio_ms, line.saying) == (3, 300.0, "×3  300 ms")
    assert last.name == "input_audio_buffer.cleared"


def test_pieces_of_speech_and_of_its_words_fold_side_by_side() -> None:
    spoken, written = lines(audio(100), words("Good "), audio(150), words("day."))
    assert spoken.saying == "×2  250 ms"
    assert written.saying == "×2  Good day."


def test_lines_come_in_the_order_in_which_they_began() -> None:
    cleared = InputAudioBufferClearedEvent(event_id="e")
    assert [line.at_s for line in lines(words("a"), audio(1), words("b"), cleared, audio(1))] == [0, 1, 3, 4]


def test_open_runs_can_be_looked_at() -> None:
    timeline = Timeline()
    assert list(timeline.push(Observation(0.0, "received", words("Good")))) == []
    assert [line.text for line in timeline.open] == ["Good"]


def test_what_could_not_be_understood_is_marked_and_says_why() -> None:
    (line,) = lines(UnknownRealtimeEvent(json={}, problem="not a JSON object"))
    assert (line.odd, line.name, line.saying) == (True, "?", "not a JSON object")


def test_long_texts_are_cut() -> None:
    assert len(lines(words("word " * 200))[0].saying) < 130

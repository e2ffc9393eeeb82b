"""Recordings of calls of any length, with an open microphone, spoken turns, interruptions, functions and errors."""

from __future__ import annotations

import random
from array import array
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duologue
from duologue.audio.samples import from_samples, to_samples
from duologue.audio.wav import read_wav
from duologue.recording import Direction, Frame, MarkNote, NoteLine, PlaybackNote, RecordingLine, RecordingWriter

__all__ = ["TURN_S", "write_call"]

TURN_S: Final = 3.45
"""1,044 turns in an hour: quick talk."""

_RATE_HZ: Final = 24_000
_PIECE: Final = _RATE_HZ // 10
"""Samples of 100 ms."""

_SPEECH: Final = Path(duologue.__file__).parent / "cli" / "speech"
_QUESTIONS: Final = ("question_time.wav", "question_arithmetic.wav")
_ANSWERS: Final = ("librivox_0880.wav", "librivox_0890.wav", "librivox_0930.wav")
_WORDS: Final = "It is seven minutes past nine and the rain has stopped"

Json = dict[str, Any]


def write_call(path: Path, minutes: float) -> int:
    """Write a recording; returns how many lines it has."""
    count = 0
    with RecordingWriter(path, url="ws://127.0.0.1/v1/realtime?model=m", model="m", dialect="openai") as writer:
        for line in sorted(_lines(minutes * 60), key=lambda line: getattr(line, "at_s", 0.0)):
            writer.write_line(line)
            count += 1
    return count


def _lines(duration_s: float) -> Iterator[RecordingLine]:
    audio = {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 400}}, "output": {}}
    session = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "m", "audio": audio}
    yield _frame(0.1, "received", type="session.created", event_id="event_0", session=session)
    chance = random.Random(7)
    noise = _noise(chance)
    questions = [_clip(name, 1.4) for name in _QUESTIONS]
    answers = [_clip(name, 1.7) for name in _ANSWERS]
    for turn in range(int(duration_s / TURN_S)):
        yield from _turn(turn, turn * TURN_S, noise, questions[turn % 2], answers[turn % 3])


def _turn(
    turn: int, begin_s: float, noise: array[int], question: array[int], answer: array[int]
) -> Iterator[RecordingLine]:
    first_piece, last_piece = round(begin_s * 10), round((begin_s + TURN_S) * 10)
    speech_s = len(question) / _RATE_HZ
    for piece in range(first_piece, last_piece):
        at = round((piece / 10 - begin_s) * _RATE_HZ)
        samples = noise[(piece % 37) * 600 : (piece % 37) * 600 + _PIECE]
        for number, sample in enumerate(question[max(0, at) : max(0, at + _PIECE)]):
            samples[number] = max(-32768, min(32767, samples[number] + sample))
        audio = b64encode(from_samples(samples)).decode()
        yield _frame((piece + 1) / 10, "sent", type="input_audio_buffer.append", audio=audio)
    user, response, item = f"item_user_{turn:06}", f"resp_{turn:06}", f"item_model_{turn:06}"
    end_s = begin_s + speech_s + 0.45
    start_ms = round(begin_s * 1000)
    yield _server(begin_s + 0.35, turn, 1, "input_audio_buffer.speech_started", item_id=user, audio_start_ms=start_ms)
    if turn % 20 == 19:
        before = f"item_model_{turn - 1:06}"
        yield _frame(begin_s + 0.37, "sent", type="conversation.item.truncate", item_id=before, content_index=0,
                     audio_end_ms=1400, event_id=f"cut_{turn}")  # fmt: skip
    yield _server(end_s, turn, 2, "input_audio_buffer.speech_stopped", item_id=user,
                  audio_end_ms=round((begin_s + speech_s + 0.4) * 1000))  # fmt: skip
    yield _server(end_s + 0.001, turn, 3, "input_audio_buffer.committed", item_id=user)
    yield _server(end_s + 0.002, turn, 4, "response.created", response={"id": response, "status": "in_progress"})
    yield _server(end_s + 0.2, turn, 5, "conversation.item.input_audio_transcription.completed", item_id=user,
                  content_index=0, transcript="What time is it?", usage={"type": "duration", "seconds": 2})  # fmt: skip
    place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    for number, word in enumerate(_WORDS.split()):
        yield _server(end_s + 0.21 + number / 100, turn, 10 + number, "response.output_audio_transcript.delta", **place,
                      delta=f"{word} ")  # fmt: skip
    for number, at in enumerate(range(0, len(answer), _PIECE)):
        audio = b64encode(from_samples(answer[at : at + _PIECE])).decode()
        yield _server(
            end_s + 0.25 + number * 0.04, turn, 30 + number, "response.output_audio.delta", **place, delta=audio
        )
    if turn % 20 != 18:
        heard_ms = len(answer) * 1000 // _RATE_HZ
        yield _played(end_s + 0.29, item, 20)
        yield _played(end_s + 0.27 + heard_ms / 1000, item, heard_ms, is_over=True)
    usage = {"total_tokens": 30, "input_tokens": 10, "output_tokens": 20}
    told = {"id": response, "status": "completed", "output": [], "usage": usage}
    yield _server(end_s + 1.1, turn, 90, "response.done", response=told)
    if turn % 100 == 50:
        error = {
            "type": "invalid_request_error",
            "code": "odd",
            "message": "It is odd.",
            "event_id": f"cut_{turn - 11}",
        }
        yield _server(end_s + 1.2, turn, 91, "error", error=error)
        yield NoteLine(at_s=end_s + 1.3, note=MarkNote(text="an odd moment"))


def _server(at_s: float, turn: int, number: int, name: str, **fields: Any) -> Frame:
    return _frame(at_s, "received", type=name, event_id=f"event_{turn:06}_{number:02}", **fields)


def _frame(at_s: float, direction: Direction, **fields: Any) -> Frame:
    text = duologue.codec.jsontext.write_text(fields).decode()
    return Frame(at_s=round(at_s, 6), direction=direction, message=text)


def _played(at_s: float, item_id: str, heard_ms: int, *, is_over: bool = False) -> NoteLine:
    return NoteLine(at_s=round(at_s, 6), note=PlaybackNote(item_id=item_id, heard_ms=heard_ms, is_over=is_over))


def _noise(chance: random.Random) -> array[int]:
    """A quiet room: 2.4 s."""
    return array("h", [round(chance.gauss(0, 40)) for _ in range(24 * _PIECE + 600)])


def _clip(name: str, longest_s: float) -> array[int]:
    return to_samples(read_wav(_SPEECH / name).at(_RATE_HZ).pcm16)[: round(longest_s * _RATE_HZ)]

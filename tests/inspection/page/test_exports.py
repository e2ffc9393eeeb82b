"""A call for other programs."""

from __future__ import annotations

import base64
import io
import json
import wave
from array import array

import pytest

from duologue.audio.samples import to_samples
from duologue.inspection.page import LaneFold, Redaction
from duologue.inspection.page.exports import ExportKind, export_call
from duologue.inspection.page.sounds import FileStore
from duologue.recording import RecordingLine
from tests.inspection._calls import Call, vad_call


def exported(lines: list[RecordingLine], kind: ExportKind, redaction: Redaction | None = None) -> bytes:
    fold = LaneFold(user_store=FileStore(io.BytesIO()), model_store=FileStore(io.BytesIO()))
    for line in lines:
        fold.push(line)
    fold.finish()
    target = io.BytesIO()
    export_call(fold, kind, target, redaction or Redaction())
    return target.getvalue()


def loud(seconds: float, value: int) -> str:
    return base64.b64encode(value.to_bytes(2, "little") * round(seconds * 24_000)).decode()


def two_sided() -> list[RecordingLine]:
    call = Call()
    call.session(0.0, None)
    call.client(2.0, "input_audio_buffer.append", audio=loud(1, 1000))
    call.creates(2.0, "r")
    call.server(11.5, "response.output_audio.delta", response_id="r", item_id="i", output_index=0, content_index=0,
                delta=loud(2, 2000))  # fmt: skip
    call.client(12.5, "conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=1000)
    call.ends(14.0, "r")
    return call.lines


def loud_spans(samples: array[int]) -> list[tuple[float, float]]:
    edges = [n for n in range(len(samples) + 1) if bool(n and samples[n - 1]) != bool(n < len(samples) and samples[n])]
    return [(edges[n] / 24_000, edges[n + 1] / 24_000) for n in range(0, len(edges), 2)]


def test_a_wav_has_the_user_left_and_the_model_right_as_it_was_heard() -> None:
    with wave.open(io.BytesIO(exported(two_sided(), "wav"))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 24_000, 2)
        assert file.getnframes() == 14 * 24_000
        stereo = to_samples(file.readframes(file.getnframes()))
    assert loud_spans(stereo[0::2]) == [(1.0, 2.0)]
    assert loud_spans(stereo[1::2]) == [(11.5, 12.5)]
    assert max(stereo[0::2]) == 1000
    assert max(stereo[1::2]) == 2000


def test_sides_of_other_rates_meet_at_the_higher_one() -> None:
    pytest.importorskip("soxr")
    call = Call()
    format_ = {"input": {"turn_detection": None, "format": {"type": "audio/pcmu"}}, "output": {}}
    call.server(0.0, "session.created", session={"type": "realtime", "object": "realtime.session", "audio": format_})
    call.client(1.0, "input_audio_buffer.append", audio=base64.b64encode(b"\x10" * 8000).decode())
    call.creates(1.0, "r")
    call.server(1.0, "response.output_audio.delta", response_id="r", item_id="i", output_index=0, content_index=0,
                delta=loud(1, 2000))  # fmt: skip
    with wave.open(io.BytesIO(exported(call.lines, "wav"))) as file:
        assert (file.getframerate(), file.getnframes()) == (24_000, 48_000)
        stereo = to_samples(file.readframes(48_000))
    assert max(map(abs, stereo[:48_000:2])) > 1000


def test_without_audio_a_wav_is_silent_and_as_long() -> None:
    quiet = exported(two_sided(), "wav", Redaction(frozenset({"audio"})))
    assert len(quiet) == 44 + 14 * 96_000
    assert not any(quiet[44:])


def test_labels_are_lines_of_begin_end_and_words() -> None:
    lines = exported(vad_call(), "labels").decode().splitlines()
    assert all(len(line.split("\t")) == 3 for line in lines)
    assert "1.300\t2.600\tuser speech" in lines
    assert "1.300\t3.200\tuser text: What time is it?" in lines
    assert "2.600\t3.300\tturn 1 first audio 700 ms" in lines
    assert "7.920\t8.170\tfunction multiply" in lines
    assert [float(line.split("\t")[0]) for line in lines] == sorted(float(line.split("\t")[0]) for line in lines)
    assert "What time" not in exported(vad_call(), "labels", Redaction(frozenset({"text"}))).decode()


def test_a_trace_has_a_thread_for_each_lane() -> None:
    events = json.loads(exported(vad_call(), "perfetto"))["traceEvents"]
    names = {each["tid"]: each["args"]["name"] for each in events if each["ph"] == "M"}
    heard = [each for each in events if each["ph"] == "X" and names[each["tid"]] == "model heard"]
    assert [(each["ts"], each["dur"]) for each in heard] == [(3_340_000, 1_000_000), (8_540_000, 300_000)]
    assert all(each["ph"] in "MXi" for each in events)


@pytest.mark.parametrize("kind", ["wav", "labels", "perfetto"])
def test_an_empty_call_is_exported_too(kind: ExportKind) -> None:
    assert isinstance(exported([], kind), bytes)

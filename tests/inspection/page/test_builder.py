"""The page of a recording."""

from __future__ import annotations

import base64
import gzip
import io
import json
import math
import re
import tempfile
import tracemalloc
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from duologue.audio.samples import from_samples
from duologue.inspection.page import NotComparable, OtherCall, PageOptions, Redacted, build_page
from duologue.inspection.prices import PriceList
from duologue.recording import RecordingLine, RecordingReader, RecordingWriter
from duologue.recording.lines import LATEST_S
from tests.inspection._calls import Call, barge_in_call, push_to_talk_call, vad_call

Json = dict[str, Any]


def recorded(path: Path, lines: Sequence[RecordingLine], **header: Any) -> Path:
    with RecordingWriter(path, keep_secrets=True, **header) as writer:
        for line in lines:
            writer.write_line(line)
    return path


def page_of(path: Path, options: PageOptions | None = None, against: Path | None = None) -> str:
    target = io.BytesIO()
    with ExitStack() as stack:
        recording = stack.enter_context(RecordingReader(path))
        other = None
        if against is not None:
            other = OtherCall(recording=stack.enter_context(RecordingReader(against)), title="other")
        build_page(recording, target, nonce="abc", scratch=(io.BytesIO(), io.BytesIO()), options=options, against=other)
    return target.getvalue().decode()


def data_of(page: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None, name
    return json.loads(found[1])


def unpacked(page: str, name: str) -> bytes:
    return gzip.decompress(base64.b64decode(data_of(page, name)))


def speech(seconds: float = 1.0) -> str:
    count = round(seconds * 24_000)
    return base64.b64encode(from_samples(array("h", (round(9000 * math.sin(n / 9)) for n in range(count))))).decode()


def spoken_call() -> list[RecordingLine]:
    call = Call()
    call.session(0.1, None)
    call.client(1.1, "input_audio_buffer.append", audio=speech(1.0))
    call.client(1.2, "input_audio_buffer.commit")
    call.client(1.2, "response.create", event_id="ask")
    call.creates(1.3, "r")
    call.server(1.5, "response.output_audio.delta", response_id="r", item_id="i", output_index=0, content_index=0,
                delta=speech(2.0))  # fmt: skip
    call.ends(1.6, "r", "Yes.")
    return call.lines


@pytest.mark.parametrize(
    "lines",
    [vad_call(), push_to_talk_call(), barge_in_call(), spoken_call(), []],
    ids=["vad", "ptt", "cut", "loud", "empty"],
)
def test_a_page_has_every_frame_and_everything_that_it_names(tmp_path: Path, lines: list[RecordingLine]) -> None:
    page = page_of(recorded(tmp_path / "call.jsonl", lines))
    call = data_of(page, "call")
    index = json.loads(unpacked(page, call["frames"]["index"]))
    assert call["frames"]["count"] == len(lines) == sum(each["count"] for each in call["frames"]["chunks"])
    assert {len(index[name]) for name in ("at_ms", "dir", "type", "bytes", "partner", "odd", "id", "fold")} == {
        len(lines)
    }
    shown = [line for each in call["frames"]["chunks"] for line in unpacked(page, each["id"]).splitlines()]
    assert len(shown) == len(lines)
    assert all(isinstance(json.loads(line), dict) for line in shown)
    for side in ("user", "model"):
        assert len(base64.b64decode(call["peaks"][side])) == round(call["duration_s"] * 100) + 1
        for piece in call["audio"][side]:
            assert base64.b64decode(data_of(page, piece["id"]))
    assert (call["version"], call["live"], call["against"], call["cut_off"], call["notes"]) == (
        1,
        None,
        None,
        False,
        [],
    )


def test_sounds_lie_where_they_were_heard(tmp_path: Path) -> None:
    call = data_of(page_of(recorded(tmp_path / "call.jsonl", spoken_call())), "call")
    (user,), (model,) = call["audio"]["user"], call["audio"]["model"]
    assert (user["begin_s"], model["begin_s"]) == (pytest.approx(0.1), pytest.approx(1.5))
    assert (user["duration_s"], model["duration_s"]) == (pytest.approx(1.0), pytest.approx(2.0))


def test_a_page_without_audio_has_peaks_and_no_sounds(tmp_path: Path) -> None:
    path = recorded(tmp_path / "call.jsonl", spoken_call())
    for options in (PageOptions(audio="none"), PageOptions(without=frozenset({"audio"}))):
        page = page_of(path, options)
        call = data_of(page, "call")
        assert call["audio"] == {"user": [], "model": []}
        assert "audio-user-0" not in page
        assert max(base64.b64decode(call["peaks"]["user"])) > 60


def test_what_is_in_memory_does_not_grow_with_the_audio(tmp_path: Path) -> None:
    call = Call()
    call.session(0.0, None)
    call.creates(0.0, "r")
    audio, place = speech(1.0), {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    for number in range(1, 121):
        call.client(number, "input_audio_buffer.append", audio=audio)
        call.server(number, "response.output_audio.delta", **place, delta=audio)
    path = recorded(tmp_path / "call.jsonl", call.lines)
    call.lines.clear()
    with ExitStack() as stack:
        recording = stack.enter_context(RecordingReader(path))
        page = stack.enter_context((tmp_path / "call.html").open("wb"))
        user, model = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        build_page(recording, page, nonce="abc", scratch=(user, model))
        _, peak = tracemalloc.get_traced_memory()
    assert path.stat().st_size > 15_000_000
    assert peak < 8_000_000, "a piece of 30 s and what coding it takes"


HOSTILE = "</script><script>alert(1)</script><!-- \u202ecod.exe\u2028 & <img src=x onerror=alert(1)>"


def hostile_call() -> list[RecordingLine]:
    call = Call()
    call.session(0.1, None)
    item = {"type": "message", "role": "user", "id": HOSTILE, "content": [{"type": "input_text", "text": HOSTILE}]}
    call.client(0.2, "conversation.item.create", event_id=HOSTILE, item=item, __proto__={"polluted": 1})
    call.client(0.3, "response.create", event_id="__proto__")
    call.creates(0.4, "constructor")
    call.server(0.5, HOSTILE, item_id="__proto__")
    call.server(
        0.6, "error", error={"type": HOSTILE, "code": HOSTILE, "message": HOSTILE * 10, "event_id": "__proto__"}
    )
    call.server(0.7, "response.done", response={"id": "constructor", "output": HOSTILE, "status": 7})
    call.server(0.8, "response.output_audio.delta", response_id="r", item_id=HOSTILE, output_index=-1,
                content_index=-(10**18), delta="<script>")  # fmt: skip
    call.server(0.9, "x", text="y" * 1_000_000)
    call.server(LATEST_S, "x")
    call.server(-LATEST_S, "input_audio_buffer.speech_started", item_id="i", audio_start_ms=10**15)
    call.server(1.0, "input_audio_buffer.speech_stopped", item_id="i", audio_end_ms=-(10**15))
    return call.lines


def test_a_recording_that_is_made_to_do_harm_does_none(tmp_path: Path) -> None:
    path = recorded(tmp_path / "call.jsonl", hostile_call(), model=HOSTILE, url="ws://h/?model=x")
    with path.open("ab") as file:
        file.write(b'{"at_s":3,"direction":"sent","text":"</script><scr')
    page = page_of(path, PageOptions(title=HOSTILE))
    clean = page_of(recorded(tmp_path / "clean.jsonl", []))
    assert page.count("<script") == clean.count("<script") + 1, "the chunk of frames"
    assert page.count("</script") == clean.count("</script") + 1
    assert page.count("<!--") == clean.count("<!--")
    assert "<img" not in page
    assert "\u2028" not in page
    call = data_of(page, "call")
    assert call["cut_off"]
    assert "middle of a line" in call["notes"][0]
    assert call["title"] == HOSTILE
    assert len(unpacked(page, "frames-0")) < 200_000, "long strings are shortened"


def test_a_page_names_no_address_but_those_of_the_call(tmp_path: Path) -> None:
    page = page_of(recorded(tmp_path / "call.jsonl", spoken_call(), url="ws://127.0.0.1/v1/realtime"))
    assert not re.search(r"https?://", page)


def test_what_comes_before_damage_is_shown_and_the_damage_told(tmp_path: Path) -> None:
    path = recorded(tmp_path / "call.jsonl", vad_call())
    with path.open("ab") as file:
        file.write(b"garbage\n")
    call = data_of(page_of(path), "call")
    assert call["figures"]["turns"] == 2
    assert call["cut_off"]
    assert "damaged" in call["notes"][0]


@pytest.mark.parametrize(
    ("without", "gone"), [("text", ["What time is it?", "It is noon."]), ("tools", ['{\\"a\\":7', "multiply(7"])]
)
def test_what_is_redacted_is_nowhere_in_the_page(tmp_path: Path, without: Redacted, gone: list[str]) -> None:
    page = page_of(recorded(tmp_path / "call.jsonl", vad_call()), PageOptions(without=frozenset({without})))
    everything = page + "".join(
        unpacked(page, each["id"]).decode() for each in data_of(page, "call")["frames"]["chunks"]
    )
    assert data_of(page, "call")["redacted"] == [without]
    assert not [each for each in gone if each in everything or each.replace("\\", "") in everything]


def test_secrets_are_never_in_a_page(tmp_path: Path) -> None:
    call = Call()
    call.session(0.1, None)
    call.client(0.2, "session.update", session={"type": "realtime", "instructions": "Say Bearer abcdefgh12345678"})
    call.server(0.3, "error", error={"type": "x", "message": "no such key sk-abcdefgh12345678"})
    call.client(0.4, "conversation.item.create", item={"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "my key is ek_abcdefgh12345678"}]})  # fmt: skip
    page = page_of(recorded(tmp_path / "call.jsonl", call.lines))
    assert "abcdefgh" not in page + unpacked(page, "frames-0").decode()


def test_a_price_list_says_what_it_cost_or_that_it_knows_no_price(tmp_path: Path) -> None:
    call = Call()
    call.session(0.1, None)
    call.creates(0.2, "r")
    usage = {"total_tokens": 30, "input_tokens": 10, "output_tokens": 20, "input_token_details": {"text_tokens": 10},
             "output_token_details": {"text_tokens": 5, "audio_tokens": 15}}  # fmt: skip
    call.server(0.3, "response.done", response={"id": "r", "status": "completed", "output": [], "usage": usage})
    path = recorded(tmp_path / "call.jsonl", call.lines, model="m-2026")
    prices = PriceList.from_toml("[models.m]\ninput_text = 1\noutput_text = 2\noutput_audio = 4")
    figures = data_of(page_of(path, PageOptions(prices=prices)), "call")["figures"]
    assert figures["cost"]["amount"] == pytest.approx(80e-6)
    other = PriceList.from_toml("[models.other]\ninput_text = 1")
    shown = data_of(page_of(path, PageOptions(prices=other)), "call")
    assert shown["figures"]["cost"] is None
    assert "no price for m-2026" in shown["notes"][0]


def test_another_call_stands_beside_it(tmp_path: Path) -> None:
    this = recorded(tmp_path / "this.jsonl", spoken_call())
    longer = spoken_call()
    extra = Call()
    extra.server(2.0, "error", error={"type": "x", "message": "No."})
    other = recorded(tmp_path / "other.jsonl", [*longer, *extra.lines])
    against = data_of(page_of(this, against=other), "call")["against"]
    assert (against["title"], against["aligned_s"], against["figures"]["errors"]) == ("other", 0, 1)
    assert [(each["only"], each["type"]) for each in against["differences"]] == [("other", "error")]
    assert "frames" not in against
    assert against["cut_off"] is False
    with other.open("ab") as file:
        file.write(b"garbage\n")
    damaged = data_of(page_of(this, against=other), "call")["against"]
    assert damaged["cut_off"]
    assert "damaged" in damaged["notes"][0]
    with pytest.raises(NotComparable):
        page_of(this, against=recorded(tmp_path / "unlike.jsonl", vad_call()))

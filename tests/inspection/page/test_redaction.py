"""What a page leaves out."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from duologue.inspection.page import REDACTIONS, Redacted, Redaction

Json = dict[str, Any]

FRAMES: list[tuple[Redacted, Json, Json]] = [
    ("text", {"type": "response.output_audio_transcript.delta", "delta": "Hello"}, {"delta": "(text, 5 characters)"}),
    ("text", {"type": "x.completed", "transcript": "Hi"}, {"transcript": "(text, 2 characters)"}),
    (
        "text",
        {"type": "conversation.item.create", "item": {"content": [{"type": "input_text", "text": "Hi"}]}},
        {"item": {"content": [{"type": "input_text", "text": "(text, 2 characters)"}]}},
    ),
    ("tools", {"type": "response.function_call_arguments.delta", "delta": '{"a"'}, {"delta": "(tools, 4 characters)"}),
    ("tools", {"type": "x", "arguments": "{}"}, {"arguments": "(tools, 2 characters)"}),
    (
        "tools",
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "56"}},
        {"item": {"type": "function_call_output", "call_id": "c", "output": "(tools, 2 characters)"}},
    ),
    ("tools", {"type": "session.update", "session": {"tools": [{}, {}]}}, {"session": {"tools": "(tools, 2 of them)"}}),
    (
        "instructions",
        {"type": "session.update", "session": {"instructions": "Be kind.", "prompt": {"id": "p"}}},
        {"session": {"instructions": "(instructions, 8 characters)", "prompt": "(instructions)"}},
    ),
    (
        "instructions",
        {"type": "session.instructions.append", "content": "Be kind."},
        {"content": "(instructions, 8 characters)"},
    ),
    ("text", {"type": "session.commentary.append", "content": "Noon."}, {"content": "(text, 5 characters)"}),
    (
        "tools",
        {"type": "response.event", "event": {"type": "response.function_call_arguments.delta", "delta": "{"}},
        {"event": {"type": "response.function_call_arguments.delta", "delta": "(tools, 1 characters)"}},
    ),
    ("text", {"type": "x", "logprobs": [{"token": "Hi"}]}, {"logprobs": "(text, 1 of them)"}),
]


@pytest.mark.parametrize(("what", "frame", "shown"), FRAMES, ids=range(len(FRAMES)))
def test_each_kind_is_left_out_and_the_others_are_not(what: Redacted, frame: Json, shown: Json) -> None:
    assert Redaction(frozenset({what})).frame(frame, None) == {"type": frame["type"], **shown}
    assert Redaction(frozenset(REDACTIONS) - {what}).frame(frame, None) == frame


def test_audio_is_its_length_whatever_is_left_out() -> None:
    audio = base64.b64encode(bytes(4800)).decode()
    show = Redaction().frame
    assert show({"type": "input_audio_buffer.append", "audio": audio}, 48_000)["audio"] == "(audio, 100 ms)"
    assert show({"type": "input_audio_buffer.append", "audio": "AA=="}, 48_000)["audio"] == "(audio, 0 ms)"
    assert show({"type": "response.output_audio.delta", "delta": audio}, None)["delta"] == "(audio, 4800 bytes)"
    item = {"type": "x", "item": {"content": [{"type": "input_audio", "audio": audio}]}}
    assert show(item, None)["item"]["content"][0]["audio"] == "(audio, 4800 bytes)"


def test_words_and_settings_named_audio_stay() -> None:
    frame = {"type": "session.updated", "session": {"audio": {"output": {"voice": "v"}}, "output": ["a"]}}
    assert Redaction(frozenset(REDACTIONS)).frame(frame, None) == frame
    text = {"type": "response.output_text.delta", "delta": "a" * 100}
    assert Redaction().frame(text, None) == text


def test_rows_of_a_call_lose_words_and_secrets_and_keep_their_lists() -> None:
    rows = {
        "turns": [{"user_text": "Hi", "answer_text": None}],
        "tools": [{"name": "f", "arguments": "{}"}],
        "marks": [{"kind": "closed", "text": "by the server"}, {"kind": "mark", "text": "Ann calls"}],
        "errors": [{"message": "wrong key sk-abcdefgh12345678"}],
    }
    shown = Redaction(frozenset({"text", "tools"})).row(rows)
    assert shown["turns"] == [{"user_text": "(text, 2 characters)", "answer_text": None}]
    assert shown["tools"] == [{"name": "f", "arguments": "(tools, 2 characters)"}]
    assert [each["text"] for each in shown["marks"]] == ["by the server", "(text, 9 characters)"]
    assert "sk-abc" not in str(shown)
    assert "sk-abc" not in str(Redaction().row(rows))


def test_a_huge_text_is_shortened_and_deep_nesting_ends() -> None:
    shown = Redaction().frame({"type": "x", "text": "a" * 1_000_000}, None)
    assert len(shown["text"]) < 100_100
    assert "900000 more" in shown["text"]
    deep: Json = {"type": "x"}
    for _ in range(300):
        deep = {"type": "x", "inner": deep}
    assert "nested too deeply" in str(Redaction().frame(deep, None))

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.events import (
    FunctionCallItem,
    FunctionCallOutputItem,
    FunctionTool,
    InputTextPart,
    McpListToolsItem,
    MessageItem,
    TranscriptionDurationUsage,
    TranscriptionTokenUsage,
    is_set,
)
from duologue.protocol.server.token_usage import (
    instruction_tokens,
    item_tokens,
    response_usage,
    text_tokens,
    transcription_usage,
)


def test_no_text_costs_nothing_and_any_text_something() -> None:
    assert [text_tokens(text) for text in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]


def test_calls_of_functions_are_read_too() -> None:
    call = FunctionCallItem(name="f" * 4, arguments="a" * 8)
    output = FunctionCallOutputItem(call_id="c", output="o" * 4)
    silent = McpListToolsItem(server_label="s", tools=[])
    assert [item_tokens(item) for item in (call, output, silent)] == [3, 1, 0]


def test_functions_that_are_offered_are_read_with_the_instructions() -> None:
    tool = FunctionTool(name="f" * 4, description="d" * 8, parameters={"a": 1})
    assert instruction_tokens("i" * 4, [tool]) == 1 + 3 + 2
    assert instruction_tokens("i" * 4, [FunctionTool(name="f" * 4)]) == 1 + 1


def test_a_schema_with_half_a_character_costs_what_its_escape_does() -> None:
    odd, plain = (FunctionTool(name="f", parameters={name: 1}) for name in ("\ud83d", "u12345"))
    assert instruction_tokens("", [odd]) == instruction_tokens("", [plain])


@given(st.lists(st.text()), st.text(), st.text(), st.integers(0, 10**7))
def test_the_parts_of_a_response_s_usage_add_up(read: list[str], rules: str, said: str, spoken_ms: int) -> None:
    items = [MessageItem(role="user", content=[InputTextPart(text=text)]) for text in read]
    context_tokens = sum(map(item_tokens, items))
    usage = response_usage(
        context_tokens, instructions=rules, tools=(), written_tokens=text_tokens(said), spoken_ms=spoken_ms
    )
    assert is_set(usage.input_token_details)
    assert is_set(usage.output_token_details)
    inputs, outputs = usage.input_token_details, usage.output_token_details
    assert is_set(inputs.text_tokens)
    assert is_set(outputs.text_tokens)
    assert is_set(outputs.audio_tokens)
    assert usage.input_tokens == inputs.text_tokens
    assert usage.output_tokens == outputs.text_tokens + outputs.audio_tokens
    assert usage.total_tokens == inputs.text_tokens + outputs.text_tokens + outputs.audio_tokens


@given(st.text(), st.integers(0, 10**7))
def test_the_parts_of_a_transcription_s_usage_add_up(transcript: str, audio_ms: int) -> None:
    usage = transcription_usage(transcript, audio_ms, "gpt-4o-transcribe")
    assert isinstance(usage, TranscriptionTokenUsage)
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


@pytest.mark.parametrize(("audio_ms", "seconds"), [(0, 0), (1, 1), (2980, 3), (3000, 3), (3001, 4)])
@pytest.mark.parametrize("model", ["whisper-1", "gpt-realtime-whisper"])
def test_the_whisper_family_is_counted_in_whole_seconds(model: str, audio_ms: int, seconds: int) -> None:
    assert transcription_usage("Hello.", audio_ms, model) == TranscriptionDurationUsage(seconds=seconds)

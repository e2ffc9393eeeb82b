"""Estimates of the tokens that a response or a transcription uses.

No tokenizer runs here. As the hosted service charges, text counts one token for four characters, input audio ten tokens
a second and output audio twenty. The totals always add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from duologue.codec.jsontext import write_text
from duologue.events import (
    CachedTokensDetails,
    ConversationItem,
    FunctionCallItem,
    FunctionCallOutputItem,
    FunctionTool,
    McpCallItem,
    MessageItem,
    ResponseUsage,
    ResponseUsageInputTokenDetails,
    ResponseUsageOutputTokenDetails,
    TranscriptionDurationUsage,
    TranscriptionTokenUsage,
    TranscriptionTokenUsageInputDetails,
    is_set,
)

__all__ = ["instruction_tokens", "item_tokens", "response_usage", "text_tokens", "transcription_usage"]

_BY_DURATION: Final = re.compile(r"(?:whisper-1|gpt-realtime-whisper)(?:-\d{4}-\d{2}-\d{2})?")
"""As recorded: the whisper family's usage is a duration, of all others a count of tokens."""

_CHARACTERS_PER_TOKEN: Final = 4
_MS_PER_INPUT_TOKEN: Final = 100
_MS_PER_OUTPUT_TOKEN: Final = 50


def text_tokens(text: str) -> int:
    """Tokens of a text, rounded up."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def item_tokens(item: ConversationItem) -> int:
    """Tokens of an item as a responder reads it."""
    return text_tokens(_text_of(item))


def instruction_tokens(instructions: str, tools: Iterable[FunctionTool]) -> int:
    """Tokens of the instructions and tools, which come before the conversation."""
    return text_tokens(instructions) + sum(map(_tool_tokens, tools))


def response_usage(
    context_tokens: int,
    *,
    instructions: str,
    tools: Iterable[FunctionTool],
    written_tokens: int,
    spoken_ms: int,
) -> ResponseUsage:
    """Usage of a response: its input, and its output. No tokens are cached, because this server has no prompt cache."""
    read = instruction_tokens(instructions, tools) + context_tokens
    spoken = -(-spoken_ms // _MS_PER_OUTPUT_TOKEN)
    return ResponseUsage(
        total_tokens=read + written_tokens + spoken,
        input_tokens=read,
        output_tokens=written_tokens + spoken,
        input_token_details=ResponseUsageInputTokenDetails(
            text_tokens=read,
            audio_tokens=0,
            image_tokens=0,
            cached_tokens=0,
            cached_tokens_details=CachedTokensDetails(text_tokens=0, audio_tokens=0, image_tokens=0),
        ),
        output_token_details=ResponseUsageOutputTokenDetails(text_tokens=written_tokens, audio_tokens=spoken),
    )


def transcription_usage(
    transcript: str, audio_ms: int, model: str = ""
) -> TranscriptionTokenUsage | TranscriptionDurationUsage:
    """Usage of the transcription of one item: in tokens, or in whole seconds for the models that are charged so."""
    if _BY_DURATION.fullmatch(model):
        return TranscriptionDurationUsage(seconds=-(-audio_ms // 1000))
    listened, written = -(-audio_ms // _MS_PER_INPUT_TOKEN), text_tokens(transcript)
    return TranscriptionTokenUsage(
        total_tokens=listened + written,
        input_tokens=listened,
        output_tokens=written,
        input_token_details=TranscriptionTokenUsageInputDetails(text_tokens=0, audio_tokens=listened),
    )


def _tool_tokens(tool: FunctionTool) -> int:
    words = "".join(words for words in (tool.name, tool.description) if is_set(words))
    schema = write_text(tool.parameters) if is_set(tool.parameters) else b""
    return text_tokens(words) + -(-len(schema) // _CHARACTERS_PER_TOKEN)


def _text_of(item: ConversationItem) -> str:
    match item:
        case MessageItem():
            return " ".join(
                text
                for part in item.content
                for name in ("text", "transcript")
                if isinstance(text := getattr(part, name, None), str)
            )
        case FunctionCallItem():
            return item.name + item.arguments
        case FunctionCallOutputItem():
            return item.output
        case McpCallItem():
            return item.name + item.arguments + (item.output if is_set(item.output) else "")
        case _:
            return ""

"""Strings with known values. Every set is open: a value that is not listed is kept as the string it is."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

__all__ = [
    "ApprovalPolicy",
    "Eagerness",
    "ImageDetail",
    "Include",
    "ItemStatus",
    "Modality",
    "NoiseReductionType",
    "RateLimitName",
    "RealtimeModel",
    "ReasoningEffort",
    "ResponseStatus",
    "ResponseStatusReason",
    "Role",
    "ToolChoiceMode",
    "TranscriptionDelay",
    "TranscriptionModel",
    "TruncationMode",
    "VoiceName",
]

ApprovalPolicy: TypeAlias = Annotated[str, Meta(examples=["always", "never"])]
"""Which calls of an MCP server's tools the client is asked about."""
Eagerness: TypeAlias = Annotated[str, Meta(examples=["low", "medium", "high", "auto"])]
"""How soon semantic turn detection takes a turn for finished."""
ImageDetail: TypeAlias = Annotated[str, Meta(examples=["auto", "low", "high"])]
"""How closely the model looks at an image."""
Include: TypeAlias = Annotated[str, Meta(examples=["item.input_audio_transcription.logprobs"])]
"""What events carry in addition, when a session asks for it."""
ItemStatus: TypeAlias = Annotated[str, Meta(examples=["in_progress", "completed", "incomplete"])]
Modality: TypeAlias = Annotated[str, Meta(examples=["text", "audio"])]
NoiseReductionType: TypeAlias = Annotated[str, Meta(examples=["near_field", "far_field"])]
RateLimitName: TypeAlias = Annotated[str, Meta(examples=["requests", "tokens"])]
"""What a rate limit counts."""
RealtimeModel: TypeAlias = Annotated[str, Meta(examples=["gpt-realtime", "gpt-realtime-mini", "gpt-realtime-2.1"])]
ReasoningEffort: TypeAlias = Annotated[str, Meta(examples=["minimal", "low", "medium", "high", "xhigh"])]
ResponseStatus: TypeAlias = Annotated[
    str, Meta(examples=["in_progress", "completed", "cancelled", "incomplete", "failed"])
]
ResponseStatusReason: TypeAlias = Annotated[
    str, Meta(examples=["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"])
]
Role: TypeAlias = Annotated[str, Meta(examples=["system", "user", "assistant"])]
"""Whose message an item is."""
ToolChoiceMode: TypeAlias = Annotated[str, Meta(examples=["none", "auto", "required"])]
TranscriptionDelay: TypeAlias = Annotated[str, Meta(examples=["minimal", "low", "medium", "high", "xhigh"])]
"""How long transcription waits for more words: sooner, or surer."""
TranscriptionModel: TypeAlias = Annotated[
    str, Meta(examples=["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-realtime-whisper"])
]
TruncationMode: TypeAlias = Annotated[str, Meta(examples=["auto", "disabled"])]
"""What happens to a conversation that outgrows the model's context."""
VoiceName: TypeAlias = Annotated[
    str,
    Meta(examples=["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]),
]

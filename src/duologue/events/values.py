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
Eagerness: TypeAlias = Annotated[str, Meta(examples=["low", "medium", "high", "auto"])]
ImageDetail: TypeAlias = Annotated[str, Meta(examples=["auto", "low", "high"])]
Include: TypeAlias = Annotated[str, Meta(examples=["item.input_audio_transcription.logprobs"])]
ItemStatus: TypeAlias = Annotated[str, Meta(examples=["in_progress", "completed", "incomplete"])]
Modality: TypeAlias = Annotated[str, Meta(examples=["text", "audio"])]
NoiseReductionType: TypeAlias = Annotated[str, Meta(examples=["near_field", "far_field"])]
RateLimitName: TypeAlias = Annotated[str, Meta(examples=["requests", "tokens"])]
RealtimeModel: TypeAlias = Annotated[str, Meta(examples=["gpt-realtime", "gpt-realtime-mini", "gpt-realtime-2.1"])]
ReasoningEffort: TypeAlias = Annotated[str, Meta(examples=["minimal", "low", "medium", "high", "xhigh"])]
ResponseStatus: TypeAlias = Annotated[
    str, Meta(examples=["in_progress", "completed", "cancelled", "incomplete", "failed"])
]
ResponseStatusReason: TypeAlias = Annotated[
    str, Meta(examples=["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"])
]
Role: TypeAlias = Annotated[str, Meta(examples=["system", "user", "assistant"])]
ToolChoiceMode: TypeAlias = Annotated[str, Meta(examples=["none", "auto", "required"])]
TranscriptionDelay: TypeAlias = Annotated[str, Meta(examples=["minimal", "low", "medium", "high", "xhigh"])]
TranscriptionModel: TypeAlias = Annotated[
    str, Meta(examples=["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-realtime-whisper"])
]
TruncationMode: TypeAlias = Annotated[str, Meta(examples=["auto", "disabled"])]
VoiceName: TypeAlias = Annotated[
    str,
    Meta(examples=["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]),
]

"""What a session has cost so far, added up from the server's `usage`: by response, by modality, and for transcripts.

Counts are the server's. `other_tokens` is the part of a total that the server attributes to no modality, so that the
parts always add up to the total.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from msgspec import Struct

from duologue.events import (
    InputAudioTranscriptionCompletedEvent,
    RealtimeResponse,
    ResponseDoneEvent,
    ResponseUsage,
    ResponseUsageInputTokenDetails,
    ResponseUsageOutputTokenDetails,
    TranscriptionDurationUsage,
    TranscriptionTokenUsage,
    is_set,
)
from duologue.events.base import Maybe
from duologue.events.response import CachedTokensDetails
from duologue.protocol.client.dispatch import EventContext, Part, on

__all__ = ["InputTokens", "OutputTokens", "ResponseCost", "TranscriptionCost", "UsageLedger", "UsageSnapshot"]


class _Sum(Struct, frozen=True, kw_only=True):
    """Counts that are added field by field."""


N = TypeVar("N", bound=_Sum)


class InputTokens(_Sum, frozen=True, kw_only=True):
    """Input of responses, in tokens. The cached ones are included in the others, and cost less."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    other_tokens: int = 0
    """Of no named modality."""
    cached_text_tokens: int = 0
    cached_audio_tokens: int = 0
    cached_image_tokens: int = 0
    cached_other_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.text_tokens + self.audio_tokens + self.image_tokens + self.other_tokens

    @property
    def cached_tokens(self) -> int:
        return self.cached_text_tokens + self.cached_audio_tokens + self.cached_image_tokens + self.cached_other_tokens


class OutputTokens(_Sum, frozen=True, kw_only=True):
    """Output of responses, in tokens. Those spent on reasoning are included in the others."""

    text_tokens: int = 0
    audio_tokens: int = 0
    other_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.text_tokens + self.audio_tokens + self.other_tokens


class ResponseCost(Struct, frozen=True, kw_only=True):
    """What one response cost. `reported` is false if the server sent no usage, as some do for cancelled responses."""

    response_id: str
    status: str
    reported: bool
    input: InputTokens = InputTokens()
    output: OutputTokens = OutputTokens()

    @property
    def total_tokens(self) -> int:
        return self.input.total_tokens + self.output.total_tokens


class TranscriptionCost(_Sum, frozen=True, kw_only=True):
    """What transcripts of the user's speech cost: in tokens, or in seconds of audio."""

    transcripts: int = 0
    text_tokens: int = 0
    audio_tokens: int = 0
    other_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    @property
    def total_tokens(self) -> int:
        return self.text_tokens + self.audio_tokens + self.other_tokens + self.output_tokens


class UsageSnapshot(Struct, frozen=True, kw_only=True):
    """A session's cost at one moment."""

    input: InputTokens = InputTokens()
    output: OutputTokens = OutputTokens()
    transcription: TranscriptionCost = TranscriptionCost()
    responses: tuple[tuple[str, int], ...] = ()
    """How many responses ended with each status, by its name; "unknown" where the server has not told the end."""
    responses_without_usage: int = 0
    """Responses that ended without a usage; the sums do not include them."""

    @property
    def total_tokens(self) -> int:
        """All tokens, transcripts included."""
        return self.input.total_tokens + self.output.total_tokens + self.transcription.total_tokens


class UsageLedger(Part):
    """Adds up a session. An event that comes twice counts once."""

    def __init__(self) -> None:
        self._responses: dict[str, ResponseCost] = {}
        self._transcripts: set[tuple[str, int]] = set()
        self._input = InputTokens()
        self._output = OutputTokens()
        self._transcription = TranscriptionCost()
        self._statuses: Counter[str] = Counter()
        self._unreported = 0
        self._changed = False

    @on(InputAudioTranscriptionCompletedEvent)
    def _transcribed(self, event: InputAudioTranscriptionCompletedEvent, context: EventContext) -> None:
        key = (event.item_id, event.content_index)
        if key not in self._transcripts:
            self._transcripts.add(key)
            self._transcription = _plus(self._transcription, _transcription(event))
            self._changed = True

    @on(ResponseDoneEvent)
    def _response_done(self, event: ResponseDoneEvent, context: EventContext) -> None:
        self._add_response(event.response)

    def take_change(self) -> UsageSnapshot | None:
        """The sums as they are now, if they have changed since the last call."""
        changed, self._changed = self._changed, False
        return self.snapshot() if changed else None

    def connected(self) -> None:
        """Another connection: the sums go on, and its server may use the same ids again."""
        self._responses.clear()
        self._transcripts.clear()

    def response(self, response_id: str) -> ResponseCost | None:
        """What one response of this connection cost; None while it has not ended."""
        return self._responses.get(response_id)

    def snapshot(self) -> UsageSnapshot:
        """The sums as they are now, over every connection that this ledger has seen."""
        return UsageSnapshot(
            input=self._input,
            output=self._output,
            transcription=self._transcription,
            responses=tuple(sorted(self._statuses.items())),
            responses_without_usage=self._unreported,
        )

    def _add_response(self, response: RealtimeResponse) -> None:
        response_id = response.id if is_set(response.id) else ""
        usage = response.usage if is_set(response.usage) else None
        if (before := self._responses.get(response_id)) is not None:
            if before.reported or usage is None:
                return
            self._unreported -= 1  # a later event tells it
            self._statuses[before.status] -= 1
            self._statuses += Counter()  # without those of which none is left
        cost = ResponseCost(
            response_id=response_id,
            status=response.status if is_set(response.status) else "completed",
            reported=usage is not None,
            input=InputTokens() if usage is None else _input(usage),
            output=OutputTokens() if usage is None else _output(usage),
        )
        if response_id:
            self._responses[response_id] = cost
        self._input = _plus(self._input, cost.input)
        self._output = _plus(self._output, cost.output)
        self._statuses[cost.status] += 1
        self._unreported += not cost.reported
        self._changed = True


def _number(count: Maybe[int]) -> int:
    return count if is_set(count) else 0


def _input(usage: ResponseUsage) -> InputTokens:
    details = usage.input_token_details if is_set(usage.input_token_details) else ResponseUsageInputTokenDetails()
    cached = details.cached_tokens_details if is_set(details.cached_tokens_details) else CachedTokensDetails()
    text, audio, image = (_number(n) for n in (details.text_tokens, details.audio_tokens, details.image_tokens))
    cached_by_modality = [_number(n) for n in (cached.text_tokens, cached.audio_tokens, cached.image_tokens)]
    return InputTokens(
        text_tokens=text,
        audio_tokens=audio,
        image_tokens=image,
        other_tokens=max(_number(usage.input_tokens) - text - audio - image, 0),
        cached_text_tokens=cached_by_modality[0],
        cached_audio_tokens=cached_by_modality[1],
        cached_image_tokens=cached_by_modality[2],
        cached_other_tokens=max(_number(details.cached_tokens) - sum(cached_by_modality), 0),
    )


def _output(usage: ResponseUsage) -> OutputTokens:
    details = usage.output_token_details if is_set(usage.output_token_details) else ResponseUsageOutputTokenDetails()
    text, audio = _number(details.text_tokens), _number(details.audio_tokens)
    return OutputTokens(
        text_tokens=text,
        audio_tokens=audio,
        other_tokens=max(_number(usage.output_tokens) - text - audio, 0),
        reasoning_tokens=_number(details.reasoning_tokens),
    )


def _transcription(event: InputAudioTranscriptionCompletedEvent) -> TranscriptionCost:
    match event.usage:
        case TranscriptionTokenUsage() as usage:
            details = usage.input_token_details if is_set(usage.input_token_details) else None
            text = 0 if details is None else _number(details.text_tokens)
            audio = 0 if details is None else _number(details.audio_tokens)
            return TranscriptionCost(
                transcripts=1,
                text_tokens=text,
                audio_tokens=audio,
                other_tokens=max(usage.input_tokens - text - audio, 0),
                output_tokens=usage.output_tokens,
            )
        case TranscriptionDurationUsage() as usage:
            return TranscriptionCost(transcripts=1, seconds=float(usage.seconds))
        case _:
            return TranscriptionCost(transcripts=1)


def _plus(one: N, other: N) -> N:
    fields = one.__struct_fields__
    return type(one)(**{name: getattr(one, name) + getattr(other, name) for name in fields})

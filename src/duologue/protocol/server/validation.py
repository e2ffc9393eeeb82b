"""Faults of well-formed events: unknown fields, unknown kinds, values out of range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from msgspec import UNSET, Struct

from duologue.events import (
    ClientEvent,
    InputAudioBufferAppendEvent,
    ResponseCreateEvent,
    SessionUpdateEvent,
    UnknownVariant,
    WireObject,
    is_set,
)
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.wire_limits import MAX_METADATA_KEY_CHARS, MAX_METADATA_PAIRS, MAX_METADATA_VALUE_CHARS

__all__ = ["MAX_EVENT_ID_CHARS", "RANGES", "Limit", "faults_of", "rate_limits"]

MAX_EVENT_ID_CHARS: Final = 512
"""The published limit (rule `error.event_id_too_long`). `error` repeats the id, so a longer one would cost the server
as much as the client."""


def faults_of(event: ClientEvent, limits: Mapping[str, Limit], max_objects: int) -> Iterator[InvalidRequest]:
    """All faults of an event, at any depth; a strict session rejects the event with the first.

    `limits` are those of values inside a session or a response, by path. At most `max_objects` objects are checked.
    """
    if is_set(event.event_id) and len(event.event_id) > MAX_EVENT_ID_CHARS:
        yield InvalidRequest(
            "event_id_too_long", param="event_id", max=MAX_EVENT_ID_CHARS, got=len(event.event_id), harmless=True
        )
    if isinstance(event, InputAudioBufferAppendEvent) and not event.extra:
        return  # the usual message, which has no other field
    yield from _unknown_in(event, max_objects)
    match event:
        case SessionUpdateEvent():
            yield from _out_of_range(event.session, "session", limits)
        case ResponseCreateEvent(response=WireObject() as params):
            yield from _out_of_range(params, "response", limits)
        case _:
            pass  # only these have values with limits


def _unknown_in(event: ClientEvent, max_objects: int) -> Iterator[InvalidRequest]:
    for number, (path, value) in enumerate(_objects(event, "")):
        if number > max_objects:
            yield InvalidRequest("too_many_objects", max=max_objects)
            return
        for name, unknown in (value.extra or {}).items():
            yield InvalidRequest("unknown_parameter", param=f"{path}{name}", value_type=_kind(unknown), harmless=True)
        if isinstance(value, UnknownVariant) and path != "session.":
            param = f"{path}type"
            if value.type is None:
                yield InvalidRequest("missing", param=param)
            else:
                yield InvalidRequest("wrong_value", param=param, reason=f"{value.type!r} is not supported")


def _objects(value: Any, path: str) -> Iterator[tuple[str, WireObject]]:
    if isinstance(value, WireObject):
        yield path, value
        for name in value.__struct_fields__:
            yield from _objects(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _objects(element, f"{path.removesuffix('.')}[{index}].")


class Limit(Struct, frozen=True, kw_only=True):
    """A limit of a value."""

    holds: Callable[[Any], bool]
    expected: str
    harmless: Callable[[Any], bool] = lambda _: False
    """Whether a lenient session accepts a value that does not hold."""
    min: int | None = None
    """A number below has its own error code."""
    shown: bool = True
    """Whether the message repeats the value."""

    def faults(self, value: Any, param: str) -> Iterator[InvalidRequest]:
        """The fault, if the value does not hold."""
        if self.holds(value):
            return
        more: dict[str, Any] = {"value_type": _kind(value), "harmless": self.harmless(value)}
        if self.min is not None and value < self.min:
            yield InvalidRequest("rate_too_low", param=param, min=self.min, got=value, **more)
        else:
            but = f", but got {value!r}" if self.shown else ""
            yield InvalidRequest("wrong_value", param=param, reason=f"expected {self.expected}{but}", **more)


def _between(minimum: float, maximum: float, *, harmless_to: float | None = None) -> Limit:
    """`harmless_to`: a lenient session accepts values up to here."""
    return Limit(
        holds=lambda value: minimum <= value <= maximum,
        expected=f"a number from {minimum} to {maximum}",
        harmless=lambda value: harmless_to is not None and 0 < value <= harmless_to,
    )


def _one_of(*known: str, harmless: bool = False) -> Limit:
    return Limit(
        holds=lambda value: not isinstance(value, str) or value in known,
        expected=f"one of {', '.join(known)}",
        harmless=lambda _: harmless,
    )


def _few_short_pairs(value: dict[str, str]) -> bool:
    return len(value) <= MAX_METADATA_PAIRS and all(
        len(key) <= MAX_METADATA_KEY_CHARS and len(text) <= MAX_METADATA_VALUE_CHARS for key, text in value.items()
    )


def _pcm_rate(allowed_hz: tuple[int, ...]) -> Limit:
    return Limit(
        holds=lambda rate: rate in allowed_hz,
        expected=" or ".join(map(str, sorted(allowed_hz))),
        min=min(allowed_hz),
        harmless=lambda rate: 8_000 <= rate <= 48_000,  # usual rates of speech, which this server can resample
    )


_HOUR_MS: Final = 3_600_000


def rate_limits(input_rates_hz: tuple[int, ...], output_rates_hz: tuple[int, ...]) -> dict[str, Limit]:
    """Limits of PCM rates, which depend on the dialect; by path, like `RANGES`."""
    return {
        "audio.input.format.rate": _pcm_rate(input_rates_hz),
        "audio.output.format.rate": _pcm_rate(output_rates_hz),
    }


RANGES: Final[dict[str, Limit]] = {
    "output_modalities": Limit(
        holds=lambda value: value in (["audio"], ["text"]),
        expected="['audio'] or ['text']",
        harmless=lambda value: set(value) == {"audio", "text"},  # speech comes with its transcript anyway
    ),
    "max_output_tokens": Limit(
        holds=lambda value: value == "inf" or (isinstance(value, int) and 1 <= value <= 4096),
        expected="1 to 4096 or 'inf'",
        harmless=lambda value: isinstance(value, int) and value > 4096,
    ),
    "metadata": Limit(
        holds=_few_short_pairs,
        expected=f"up to {MAX_METADATA_PAIRS} pairs, keys of {MAX_METADATA_KEY_CHARS}, values of "
        f"{MAX_METADATA_VALUE_CHARS} characters",
        harmless=lambda _: True,
        shown=False,
    ),
    "conversation": _one_of("auto", "none"),
    "tool_choice": _one_of("none", "auto", "required"),
    "truncation": _one_of("auto", "disabled"),
    "truncation.retention_ratio": _between(0, 1),
    "truncation.token_limits.post_instructions": Limit(holds=lambda value: value >= 0, expected="0 or more"),
    "tracing": _one_of("auto", harmless=True),
    "audio.output.speed": _between(0.25, 1.5),
    "audio.input.turn_detection.threshold": _between(0, 1),
    "audio.input.turn_detection.prefix_padding_ms": _between(0, 10_000, harmless_to=_HOUR_MS),
    "audio.input.turn_detection.silence_duration_ms": _between(0, 10_000, harmless_to=_HOUR_MS),
    "audio.input.turn_detection.idle_timeout_ms": _between(5_000, 30_000, harmless_to=_HOUR_MS),
    "audio.input.turn_detection.eagerness": _one_of("low", "medium", "high", "auto", harmless=True),
    "audio.input.noise_reduction.type": _one_of("near_field", "far_field", harmless=True),
}
"""Limits by the path of a value inside a session or a response. They are the published ones; where none is published
(prefix and silence), ten seconds, because a longer wait for an answer is of no use."""


def _out_of_range(config: WireObject, root: str, limits: Mapping[str, Limit]) -> Iterator[InvalidRequest]:
    for path, limit in limits.items():
        value = _at(config, path)
        if value is not UNSET and value is not None:
            yield from limit.faults(value, f"{root}.{path}")


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name, UNSET)
        if value is UNSET or value is None:
            return UNSET
    return value


def _kind(value: object) -> str:
    """The JSON type of a value, which a log may hold; the value itself may be private."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"

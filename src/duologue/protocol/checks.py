"""What the server refuses of an event that is well-formed: unknown fields, unknown kinds, values out of range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec import UNSET

from duologue.events import UnknownVariant, WireObject
from duologue.protocol.refusals import Refusal

__all__ = ["HOSTED_RATES_HZ", "RANGES", "check_known", "check_ranges"]


def check_known(event: WireObject) -> None:
    """Raise Refusal for the first field, at any depth, that the protocol does not have, or kind that it lacks."""
    for path, value in _objects(event, ""):
        if value.extra:
            raise Refusal("unknown_parameter", param=f"{path}{next(iter(value.extra))}")
        if isinstance(value, UnknownVariant) and path != "session.":
            param = f"{path}type"
            if value.type is None:
                raise Refusal("missing", param=param)
            raise Refusal("wrong_value", param=param, reason=f"{value.type!r} is not supported")


def _objects(value: Any, path: str) -> Iterator[tuple[str, WireObject]]:
    if isinstance(value, WireObject):
        yield path, value
        for name in value.__struct_fields__:
            yield from _objects(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from _objects(element, f"{path.removesuffix('.')}[{index}].")


_Check = Callable[[Any, str], None]


def _between(least: float, most: float) -> _Check:
    def check(value: Any, param: str) -> None:
        if not least <= value <= most:
            raise Refusal(
                "wrong_value", param=param, reason=f"expected a number from {least} to {most}, but got {value}"
            )

    return check


def _one_of(*known: str) -> _Check:
    def check(value: Any, param: str) -> None:
        if value not in known:
            raise Refusal("wrong_value", param=param, reason=f"expected one of {', '.join(known)}, but got {value!r}")

    return check


def _one_of_if_text(*known: str) -> _Check:
    check_text = _one_of(*known)

    def check(value: Any, param: str) -> None:
        if isinstance(value, str):
            check_text(value, param)

    return check


def _check_rate(value: Any, param: str, *, allowed_hz: tuple[int, ...]) -> None:
    """Raise Refusal for a rate of PCM that the session's dialect does not have."""
    if value in allowed_hz:
        return
    least = min(allowed_hz)
    if value < least:
        raise Refusal("rate_too_low", param=param, least=least, got=value)
    known = " or ".join(map(str, sorted(allowed_hz)))
    raise Refusal("wrong_value", param=param, reason=f"expected {known}, but got {value}")


def _tokens(value: Any, param: str) -> None:
    if value != "inf" and not (isinstance(value, int) and 1 <= value <= 4096):
        raise Refusal("wrong_value", param=param, reason=f"expected 1 to 4096 or 'inf', but got {value!r}")


def _modalities(value: Any, param: str) -> None:
    if value not in (["audio"], ["text"]):
        raise Refusal("wrong_value", param=param, reason=f"expected ['audio'] or ['text'], but got {value!r}")


def _metadata(value: Any, param: str) -> None:
    if len(value) > 16 or any(len(key) > 64 or len(text) > 512 for key, text in value.items()):
        raise Refusal(
            "wrong_value", param=param, reason="expected up to 16 pairs, keys of 64, values of 512 characters"
        )


HOSTED_RATES_HZ: Final = (24_000,)
"""The one rate of PCM that the hosted service takes."""

RANGES: Final[dict[str, _Check]] = {
    "output_modalities": _modalities,
    "max_output_tokens": _tokens,
    "metadata": _metadata,
    "conversation": _one_of("auto", "none"),
    "tool_choice": _one_of_if_text("none", "auto", "required"),
    "truncation": _one_of_if_text("auto", "disabled"),
    "tracing": _one_of_if_text("auto"),
    "audio.output.speed": _between(0.25, 1.5),
    "audio.input.turn_detection.threshold": _between(0, 1),
    "audio.input.turn_detection.prefix_padding_ms": _between(0, 10_000),
    "audio.input.turn_detection.silence_duration_ms": _between(0, 10_000),
    "audio.input.turn_detection.idle_timeout_ms": _between(5_000, 30_000),
    "audio.input.turn_detection.eagerness": _one_of("low", "medium", "high", "auto"),
    "audio.input.noise_reduction.type": _one_of("near_field", "far_field"),
}
"""Values with limits, by their path inside a session or a response. The limits are the published ones; where none is
published (prefix and silence), ten seconds, because nobody waits longer for an answer."""


def check_ranges(
    config: WireObject,
    root: str,
    *,
    input_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ,
    output_rates_hz: tuple[int, ...] = HOSTED_RATES_HZ,
) -> None:
    """Raise Refusal for the first value out of its range; `root` is the path of `config` in its event."""
    for side, allowed_hz in (("input", input_rates_hz), ("output", output_rates_hz)):
        rate = _at(config, path := f"audio.{side}.format.rate")
        if rate is not UNSET and rate is not None:
            _check_rate(rate, f"{root}.{path}", allowed_hz=allowed_hz)
    for path, check in RANGES.items():
        value = _at(config, path)
        if value is not UNSET and value is not None:
            check(value, f"{root}.{path}")


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name, UNSET)
        if value is UNSET or value is None:
            return UNSET
    return value

"""A conversation and its expected events as a list of steps, played and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import ndiff
from typing import TYPE_CHECKING, Any, TypeAlias

from duologue.events import RealtimeEvent

if TYPE_CHECKING:
    from duologue.testing.pair import Pair

__all__ = ["Step", "play"]

Step: TypeAlias = RealtimeEvent | Callable[[], object] | str | tuple[str, Mapping[str, object]]
"""One step of a conversation.

The client sends an event. A callable is called: it reports for an engine, or advances the clock. A string is the type
of the event that the client must receive next; with a mapping, the event must also have these values, each by its
dotted path: `("response.done", {"response.status": "completed"})`.
"""

_ABSENT = "absent"


def play(pair: Pair, steps: Sequence[Step]) -> list[RealtimeEvent]:
    """Play the steps; returns the events that the client received.

    The steps must name every event that the client receives, in this order.

    >>> from duologue.events import InputAudioBufferClearEvent
    >>> from duologue.testing import Pair
    >>> pair = Pair()
    >>> steps = [pair.connect, "session.created", InputAudioBufferClearEvent(), "input_audio_buffer.cleared"]
    >>> [event.type for event in play(pair, steps)]
    ['session.created', 'input_audio_buffer.cleared']

    Raises:
        AssertionError: the events differ; the message shows a diff.
    """
    expected: list[str] = []
    happened: list[str] = []
    begin = len(pair.received)
    shown = begin
    for index, step in enumerate(steps):
        match step:
            case str() | (str(), _):
                name, fields = (step, {}) if isinstance(step, str) else step
                expected.append(_line(name, fields))
                if shown < len(pair.received):
                    event = pair.received[shown]
                    shown += 1
                    happened.append(_line(event.type or "?", _values(event, fields) if event.type == name else {}))
            case _:
                shown = _show_rest(pair, shown, happened)
                if happened != expected:
                    break
                did = step.type if isinstance(step, RealtimeEvent) else getattr(step, "__name__", "step")
                expected.append(f"step {index}: {did}")
                happened.append(f"step {index}: {did}")
                if isinstance(step, RealtimeEvent):
                    pair.send(step)
                else:
                    step()
    _show_rest(pair, shown, happened)
    if happened != expected:
        difference = "\n".join(line for line in ndiff(expected, happened) if not line.startswith("?"))
        raise AssertionError(f"the events differ (- expected, + received):\n{difference}")
    return pair.received[begin:]


def _show_rest(pair: Pair, shown: int, happened: list[str]) -> int:
    happened += [_line(event.type or "?", {}) for event in pair.received[shown:]]
    return len(pair.received)


def _line(name: str, fields: Mapping[str, object]) -> str:
    held = ", ".join(f"{path}={value!r}" for path, value in fields.items())
    return f"    {name}  {held}".rstrip()


def _values(event: RealtimeEvent, expected: Mapping[str, object]) -> dict[str, object]:
    """The event's values at these paths of its JSON; those that are equal as they were expected."""
    held = {path: _at(event.to_json(), path) for path in expected}
    return {path: expected[path] if value == expected[path] else value for path, value in held.items()}


def _at(value: Any, path: str) -> object:
    for name in path.split("."):
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return _ABSENT
    return value

"""Assertions about a call, for any way of testing: each raises AssertionError with what was found instead.

call = read_call("call.jsonl")
assert_order(call, "speech_started", "speech_stopped", "response.created", "response.done")
assert_turn(call, 1, user=re.compile("time"), status="completed", first_audio_ms=(0, 800))
assert_heard(call, "item_2", ms=1180, within_ms=40)
assert_tool(call, "multiply", {"a": 7, "b": 8}, within_s=1)
assert_latency(call, "first_audio", p95=800, at_least=20)
assert_no_errors(call, but=["response_cancel_not_active"])
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from difflib import ndiff
from io import BytesIO
from types import EllipsisType
from typing import Any, Final, Literal, NoReturn, TypeAlias

from duologue.codec.jsontext import parse_object
from duologue.errors import DecodeError
from duologue.inspection import CallFold, CallTool, CallTurn, CallView, HeardPart
from duologue.inspection.figures import percentile
from duologue.recording import RecordingReader
from duologue.testing.call_text import timeline_tail

__all__ = [
    "Figure",
    "Range",
    "RecordedCall",
    "assert_heard",
    "assert_latency",
    "assert_no_errors",
    "assert_order",
    "assert_tool",
    "assert_turn",
    "read_call",
    "read_recording",
]

Range: TypeAlias = tuple[float, float]
"""The least and the most, in milliseconds, both included."""

Figure: TypeAlias = Literal["endpointing", "first_text", "first_audio", "first_heard", "transcript"]
"""A delay of a turn, by its name in `CallTurn`."""

_SHOWN: Final = 5
"""Errors that a message names."""


class RecordedCall(CallView, kw_only=True):
    """A call that was read from a file, which messages of failures name."""

    path: str


def read_call(path: str | os.PathLike[str]) -> RecordedCall:
    """What a recorded call was.

    >>> from duologue import blocking
    >>> with blocking.converse(url, record=folder / "call.jsonl") as conversation:
    ...     answer = conversation.ask("Hello.")
    >>> call = read_call(folder / "call.jsonl")
    >>> call.turns[0].answer_text
    'Hello, this is a script.'

    Raises:
        RecordingError: the file cannot be read, or is damaged.
    """
    with RecordingReader(path) as recording:
        view = _folded(recording)
    fields = {name: getattr(view, name) for name in view.__struct_fields__}
    return RecordedCall(path=os.fspath(path), **fields)


def read_recording(content: bytes) -> CallView:
    """The same of a recording in memory. Raises RecordingError."""
    with RecordingReader("this recording", stream=BytesIO(content)) as recording:
        return _folded(recording)


def assert_order(call: CallView, *expected: str | EllipsisType, exactly: bool = False) -> None:
    """Events of these types came in this order; others may be between them.

    A type may leave out its beginning: "speech_started". With `exactly` no other events may be there, except where
    `...` stands. Pieces of one thing, such as the deltas of an answer, count as one event.
    """
    __tracebackhide__ = True
    types = [event.type for event in call.sequence]
    if exactly:
        if not _matches(types, list(expected)):
            wanted = ["..." if each is ... else str(each) for each in expected]
            _fail("the events are not these:\n" + "\n".join(ndiff(wanted, types)), call)
        return
    at = 0
    found: list[str] = []
    for each in expected:
        if each is ...:
            continue
        while at < len(types) and not _is_named(types[at], str(each)):
            at += 1
        if at == len(types):
            behind = f" behind {', '.join(found)}" if found else ""
            elsewhere = any(_is_named(name, str(each)) for name in types)
            _fail(f"there is no {each}{behind}" + ("; it came earlier" if elsewhere else ""), call)
        found.append(str(each))
        at += 1


def assert_turn(
    call: CallView,
    number: int,
    *,
    kind: str | None = None,
    user: str | re.Pattern[str] | None = None,
    answer: str | re.Pattern[str] | None = None,
    status: str | None = None,
    interrupted: bool | None = None,
    endpointing_ms: Range | None = None,
    first_text_ms: Range | None = None,
    first_audio_ms: Range | None = None,
    first_heard_ms: Range | None = None,
    transcript_ms: Range | None = None,
) -> CallTurn:
    """The turn with this number, counted from 1, is like this; what is None is not looked at. Returns the turn.

    Texts must be equal, or the pattern must be found in them. The delays count from the end of the user's speech.
    """
    __tracebackhide__ = True
    turn = _turn(call, number)
    wrong: list[str] = []
    for name, wanted in (("kind", kind), ("status", status), ("is_interrupted", interrupted)):
        if wanted is not None and getattr(turn, name) != wanted:
            wrong.append(f"{name} is {getattr(turn, name)!r}, not {wanted!r}")
    for name, text in (("user_text", user), ("answer_text", answer)):
        if text is not None and not _says(getattr(turn, name), text):
            found = getattr(turn, name)
            wrong.append(f"{name} is {found!r}, not {text.pattern if isinstance(text, re.Pattern) else text!r}")
            if found and isinstance(text, str):
                wrong[-1] += "\n" + "\n".join(line.rstrip() for line in ndiff([text], [found])) + "\n"
    ranges = {
        "endpointing_ms": endpointing_ms,
        "first_text_ms": first_text_ms,
        "first_audio_ms": first_audio_ms,
        "first_heard_ms": first_heard_ms,
        "transcript_ms": transcript_ms,
    }
    for name, limits in ranges.items():
        if limits is not None and (fault := _outside(getattr(turn, name), limits)) is not None:
            wrong.append(f"{name} {fault}" + (f" ({turn.withheld})" if turn.withheld else ""))
    if wrong:
        _fail(f"turn {number}: " + "; ".join(wrong), call)
    return turn


def assert_heard(call: CallView, item: str | int, *, ms: int, within_ms: int = 40) -> HeardPart:
    """So much of an item was heard, by the rules of `duologue inspect`. `item` is its id, or its number from 1."""
    __tracebackhide__ = True
    ids = list(dict.fromkeys(part.item_id for part in call.heard))
    item_id = item if isinstance(item, str) else ids[item - 1] if 0 < item <= len(ids) else None
    parts = [part for part in call.heard if part.item_id == item_id]
    if not parts:
        known = ", ".join(ids) or "none"
        _fail(f"no speech of item {item!r} came; there is speech of: {known}", call)
    heard_ms = sum(part.heard_ms for part in parts)
    if abs(heard_ms - ms) > within_ms:
        by = f", cut by {parts[-1].cut_by}" if parts[-1].cut_by else ""
        arrived_ms = sum(part.arrived_ms for part in parts)
        _fail(f"of item {item!r}, {heard_ms} ms were heard ({arrived_ms} ms came{by}), not {ms} ± {within_ms} ms", call)
    return parts[-1]


def assert_tool(
    call: CallView, name: str, arguments: Mapping[str, Any] | None = None, *, within_s: float | None = None
) -> CallTool:
    """The model called a function, with these arguments if they are given, and it took no longer. Returns the call."""
    __tracebackhide__ = True
    named = [tool for tool in call.tools if tool.name == name]
    if not named:
        known = ", ".join(sorted({str(tool.name) for tool in call.tools})) or "none"
        _fail(f"{name} was not called; called were: {known}", call)
    fitting = [tool for tool in named if arguments is None or _object(tool.arguments) == dict(arguments)]
    if not fitting:
        found = "\n".join(f"  {tool.arguments}" for tool in named)
        _fail(f"{name} was not called with {dict(arguments or {})}; it was called with:\n{found}", call)
    tool = fitting[0]
    if within_s is not None:
        took_ms = tool.duration_ms
        if took_ms is None:
            _fail(f"{name} was called and not answered", call)
        if took_ms > within_s * 1000:
            _fail(f"{name} took {took_ms} ms, more than {within_s * 1000:g} ms", call)
    return tool


def assert_latency(
    call: CallView,
    figure: Figure,
    *,
    p50: float | None = None,
    p95: float | None = None,
    longest: float | None = None,
    at_least: int = 20,
) -> None:
    """A delay of the turns, in milliseconds from the end of speech, is no longer than this.

    Of fewer than twenty turns the 95th percentile is the longest: `at_least` says how many there must be.
    """
    __tracebackhide__ = True
    values = sorted(each for turn in call.turns if (each := getattr(turn, f"{figure}_ms")) is not None)
    if len(values) < at_least or not values:
        withheld = {turn.withheld for turn in call.turns if turn.withheld}
        why = f"; without it because {', '.join(sorted(withheld))}" if withheld else ""
        _fail(f"{len(values)} of {len(call.turns)} turns have {figure}, and {max(at_least, 1)} are needed{why}", call)
    figures = (
        ("p50", p50, percentile(values, 50)),
        ("p95", p95, percentile(values, 95)),
        ("longest", longest, values[-1]),
    )
    wrong = [
        f"{name} is {found_ms} ms, above {limit:g} ms"
        for name, limit, found_ms in figures
        if limit is not None and found_ms > limit
    ]
    if wrong:
        _fail(f"{figure} of {len(values)} turns: {'; '.join(wrong)}; all of them: {values}", call)


def assert_no_errors(call: CallView, *, but: Collection[str] = ()) -> None:
    """There was no `error` event, and no connection was lost, except with these codes."""
    __tracebackhide__ = True
    found = [error for error in call.errors if error.code not in but]
    if found:
        told = [
            f"  {error.at_s:.3f} s: {error.code or 'no code'}: {error.message}"
            + (f" (in answer to {error.answers})" if error.answers else "")
            for error in found[:_SHOWN]
        ]
        more = [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        _fail("\n".join([f"there were errors ({len(found)}):", *told, *more]), call)


def _folded(recording: RecordingReader) -> CallView:
    fold = CallFold(recording.header)
    for line in recording.lines():
        fold.push(line)
    return fold.view


def _turn(call: CallView, number: int) -> CallTurn:
    __tracebackhide__ = True
    if not 0 < number <= len(call.turns):
        _fail(f"there is no turn {number}; there are {len(call.turns)}", call)
    return call.turns[number - 1]


def _says(text: str | None, wanted: str | re.Pattern[str]) -> bool:
    if text is None:
        return False
    return wanted.search(text) is not None if isinstance(wanted, re.Pattern) else text == wanted


def _outside(value: int | None, limits: Range) -> str | None:
    if value is None:
        return "is not known"
    least, most = limits
    return None if least <= value <= most else f"is {value}, not between {least:g} and {most:g}"


def _object(arguments: str | None) -> dict[str, Any] | None:
    try:
        return parse_object(arguments) if arguments is not None else None
    except DecodeError:
        return None


def _is_named(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")


def _matches(types: list[str], expected: list[str | EllipsisType]) -> bool:
    """Whether the types are these, with any number of others at each `...`."""
    reached = {0}
    for each in expected:
        if each is ...:
            reached = set(range(min(reached), len(types) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(types) and _is_named(types[at], str(each))}
    return len(types) in reached


def _fail(what: str, call: CallView) -> NoReturn:
    __tracebackhide__ = True  # as in each assertion: pytest shows the line of the test instead
    told = f"{what}\n{timeline_tail(call)}"
    raise AssertionError(f"{told}\nduologue inspect {call.path}" if isinstance(call, RecordedCall) else told)

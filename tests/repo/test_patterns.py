"""Every pattern takes time by the length of its text, never by the square of it: texts come from strangers."""

import ast
import importlib
import pkgutil
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import duologue
from duologue.dialects.signs import FRAME_SIGNS, LIVE_SIGNS, QUERY_SIGNS

SRC = Path(duologue.__file__).parent
LENGTH = 20_000
LIMIT_S = 0.25
"""Of processor time, which a busy machine does not take away. A linear pattern takes a tenth of it at most; one that
is quadratic makes 200 million steps."""

PUMPS = (
    " ",
    "a",
    "1",
    ",",
    ".",
    "\n",
    "a ",
    ", ",
    ". ",
    "a,",
    "a.b",
    "[",
    "](",
    "`",
    "'",
    "_",
    "é",
    "-",
    "0.",
    "{",
    '"',
)
PREFIXES = ("", "a")
SUFFIXES = ("", "b", "\0")


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages([str(SRC)], "duologue."):
        if not module.name.endswith("__main__"):
            yield module.name


def patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        text = value.pattern
        yield re.compile(text.decode("latin-1"), value.flags) if isinstance(text, bytes) else value
    elif isinstance(value, tuple | list):
        for element in value:
            yield from patterns_in(element)
    elif isinstance(value, dict):
        for element in (*value.keys(), *value.values()):
            yield from patterns_in(element)


def compiled() -> dict[str, re.Pattern[str]]:
    """Patterns that modules keep."""
    found: dict[str, re.Pattern[str]] = {}
    for name in modules():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue  # an extra that is not installed: its patterns are read from the text below
        for value in list(vars(module).values()):
            for pattern in patterns_in(value):
                found.setdefault(pattern.pattern, pattern)
    return found


WRITTEN_ELSEWHERE: dict[str, list[str | None]] = {
    "dialects/detection.py": [
        text for sign in (*FRAME_SIGNS, *LIVE_SIGNS, *QUERY_SIGNS) for text in (sign.pattern, sign.of_type)
    ]
}
"""What patterns are where a call does not say it itself."""


def written() -> dict[str, re.Pattern[str]]:
    """Patterns in calls of `re`, found in the text of the modules."""
    found: dict[str, re.Pattern[str]] = {}
    for file in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re") or node.func.attr == "escape":
                continue
            if isinstance(node.args[0], ast.Constant):
                value = node.args[0].value
                constant = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                found.setdefault(constant, re.compile(constant, re.DOTALL | re.IGNORECASE))
            elif node.func.attr != "compile":
                for text in WRITTEN_ELSEWHERE[file.relative_to(SRC).as_posix()]:
                    if text is not None:
                        found.setdefault(text, re.compile(text))
    return found


PATTERNS = {**written(), **compiled()}


def words_of(pattern: re.Pattern[str]) -> list[str]:
    """What the pattern itself looks for."""
    return list(dict.fromkeys(re.findall(r"[a-z]{2,}(?: [a-z]+)*", re.sub(r"\\.", " ", pattern.pattern))))[:12]


def attacks(pattern: re.Pattern[str], length: int = LENGTH) -> Iterator[str]:
    """Long texts that nearly fit."""
    words = words_of(pattern)
    for pump in (*PUMPS, *(f"{word} " for word in words), *(f" {word}," for word in words)):
        body = pump * (length // len(pump))
        for suffix in SUFFIXES if len(pump) == 1 else ("", "\0"):
            for prefix in PREFIXES if len(pump) == 1 else ("",):
                yield f"{prefix}{body}{suffix}"
    for word in words:
        for pump in (" ", ",", "a", "a "):
            yield f"{word}{pump * (length // len(pump))}\0"
            yield f"{word} {pump * (length // len(pump))}"


class TooMuch(Exception):
    pass


def work(pattern: re.Pattern[str], text: str) -> None:
    pattern.fullmatch(text)
    pattern.sub("", text)


@pytest.fixture
def limited() -> Iterator[None]:
    if sys.platform == "win32":
        pytest.skip("Windows has no timer of processor time")

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooMuch

    before = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def slow_text(pattern: re.Pattern[str]) -> str | None:
    for text in attacks(pattern):
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
            work(pattern, text)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except TooMuch:
            return f"{text[:30]!r}…{text[-5:]!r}"
    return None


IDS = [f"{number}-{text!r:.60}" for number, text in enumerate(PATTERNS)]


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=IDS)
def test_a_text_that_nearly_fits_takes_time_by_its_length(pattern: re.Pattern[str], limited: None) -> None:
    assert slow_text(pattern) is None


@pytest.mark.parametrize("text", [r"\s*(?:,\s*and\b|,)\s*", r"(a+)+b", r"how long .*\bsession", r"\s+please$"])
def test_a_pattern_that_takes_more_is_found(text: str, limited: None) -> None:
    assert slow_text(re.compile(text)) is not None


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 60
    assert any("square" in text for text in PATTERNS)
    assert any("my name" in text for text in PATTERNS)

"""Arithmetic as people say it: "what is seven times eight", "half of 90", "12 plus 30", "15 percent of 80"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["NUMBER_WORDS", "Calculation", "calculate", "number", "quantity"]

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {
    **{word: value for value, word in enumerate(f"{_UNITS} seventeen eighteen nineteen".split())},
    **{word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)},
}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_PARTS = {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4), "tenth": Fraction(1, 10)}
NUMBER_WORDS = frozenset({*_VALUES, *_PARTS, "dozen"})
"""What stands for a number alone."""

_ARTICLES = ("a", "an", "one")

_ASKING = re.compile(
    r"^(?:(?:so|and|okay|ok|please|hey|hello|hi|now|well)\b[ ,]*+)*"
    r"(?:(?:can|could|would) you )?(?:please )?(?:tell me|do you know)?"
    r"(?:\s*(?:what's|what is|what are|what does|how much is|how much are|how much|calculate|compute|work out))?\s*"
)
_ASKING_END = re.compile(r"(?<!\s)\s+(?:equals?|makes?|come to|please)$")

_COMMANDS = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"^(?:add|the sum of) (.+) (?:and|to) (.+)$", r"\1 + \2"),
        (r"^subtract (.+) from (.+)$", r"\2 - \1"),
        (r"^multiply (.+) (?:by|with) (.+)$", r"\1 * \2"),
        (r"^divide (.+) by (.+)$", r"\1 / \2"),
        (r"^the product of (.+) and (.+)$", r"\1 * \2"),
        (r"^the difference between (.+) and (.+)$", r"\1 - \2"),
    )
)
_PHRASES = {
    "plus": "+", "minus": "-", "less": "-", "take away": "-", "\N{MINUS SIGN}": "-",
    "multiplied by": "*", "times": "*", "x": "*", "\N{MULTIPLICATION SIGN}": "*", "of": "of",
    "divided by": "/", "over": "/", "\N{DIVISION SIGN}": "/",
    "to the power of": "^", "raised to": "^", "squared": "^ 2", "cubed": "^ 3",
    "percent": "%", "per cent": "%", "the square root of": "root", "square root of": "root", "the root of": "root",
    "twice": "2 *", "double": "2 *",
}  # fmt: skip
"""How operations are said. What takes an operand on one side only is `%` (behind it) and `root` (before it)."""
_PHRASE = re.compile(
    rf"(?<![a-z])(?:{'|'.join(re.escape(phrase) for phrase in sorted(_PHRASES, key=len, reverse=True))})(?![a-z])"
)
_SPOKEN = {
    "+": "plus", "-": "minus", "*": "times", "/": "divided by", "^": "to the power of", "%": "percent",
    "root": "the square root of", "of": "of", "(": "(", ")": ")",
}  # fmt: skip
_PART_NAMES = {value: word if word == "half" else f"a {word}" for word, value in _PARTS.items()}

# Powers grow without end; this many digits are more than a listener follows, and are cheap to compute.
_MAX_DIGITS = 24
_MAX_EXPONENT = 256
_MAX_CHARACTERS = 200  # longer than any spoken sum; the parser recurses once per sign


@dataclass(frozen=True, slots=True)
class Calculation:
    """What was asked, in words and digits, and what comes out; None where it has no value."""

    expression: str
    value: Fraction | None

    @property
    def answer(self) -> str:
        """One spoken sentence."""
        question = self.expression[0].upper() + self.expression[1:]
        if self.value is None:
            return f"{question} has no value that I could say."
        said, exact = _spoken(self.value)
        return f"{question} is {'' if exact else 'about '}{said}."


def calculate(text: str) -> Calculation | None:
    """The calculation that a sentence asks for; None when it asks for something else."""
    if len(text) > _MAX_CHARACTERS:
        return None
    asked = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip(" .?!=")
    asked = _ASKING_END.sub("", _ASKING.sub("", asked))
    for pattern, replacement in _COMMANDS:
        asked = pattern.sub(replacement, asked)
    parser = _Parser(_tokens(asked))
    try:
        value: Fraction | None = parser.sum()
    except _NotArithmetic:
        return None
    except (ZeroDivisionError, OverflowError):
        value = None
    else:
        if parser.rest or not parser.operations:
            return None
    return Calculation(" ".join(parser.said), value)


def number(words: str) -> int | None:
    """A whole number in digits or words; None for anything else."""
    value = quantity(words)
    return int(value) if value is not None and value.denominator == 1 else None


def quantity(words: str) -> Fraction | None:
    """A number in digits or words, "two and a half" among them; None for anything else."""
    parser = _Parser(_tokens(words[:_MAX_CHARACTERS].lower()))
    try:
        value = parser.number()
    except _NotArithmetic:
        return None
    return value if not parser.rest else None


def _tokens(text: str) -> list[str]:
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = re.sub(r"(?<=\d)x(?=\d)", "*", text)
    text = _PHRASE.sub(lambda phrase: f" {_PHRASES[phrase[0]]} ", text)
    return re.findall(r"\d+(?:\.\d+)?|\.\d+|[a-z']+|\S", text)


class _NotArithmetic(Exception):
    """The words are no expression. Never leaves this module."""


class _Parser:
    """Reads an expression from left to right; notes what it read, and how many operations that were."""

    def __init__(self, tokens: list[str]) -> None:
        self.rest = tokens
        self.said: list[str] = []
        self.operations = 0

    def sum(self) -> Fraction:
        value = self._product()
        while sign := self._take("+", "-"):
            value = value + self._product() if sign == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._power()
        while sign := self._take("*", "/", "of"):
            value = value / self._power() if sign == "/" else value * self._power()
            _check_size(value)
        return value

    def _power(self) -> Fraction:
        value = self._operand()
        if self._take("^"):
            exponent = self._power()
            if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT:
                raise OverflowError
            value = Fraction(value**exponent)
            _check_size(value)
        return value

    def _operand(self) -> Fraction:
        if self._take("-"):
            return -self._operand()
        if self._take("root"):
            return _root(self._operand())
        if self.rest[:1] == ["("]:
            self._take("(")
            value = self.sum()
            if not self._take(")"):
                raise _NotArithmetic
        else:
            value = self.number()
            part_of = self.rest[:1] == ["of"] and value in _PART_NAMES
            self.said.append(_PART_NAMES[value] if part_of else _spoken(value)[0])
        return value / 100 if self._take("%") else value

    def number(self) -> Fraction:
        """Digits, or words: "two hundred and five", "three point one four", "half", "two and a half"."""
        if self.rest and self.rest[0][-1].isdecimal():
            return self._scaled(Fraction(self.rest.pop(0)))
        if (part := self._part()) is not None:
            return part
        whole = self._whole()
        if self.rest[:1] == ["point"]:
            self.rest.pop(0)
            digits = "".join(str(_VALUES[word]) for word in self._while_digits())
            if not digits:
                raise _NotArithmetic
            return whole + Fraction(f"0.{digits}")
        if self.rest[:1] == ["and"]:
            after, self.rest = self.rest, self.rest[1:]
            if (part := self._part()) is not None:
                return whole + part
            self.rest = after
        return whole

    def _whole(self) -> Fraction:
        total, group, found = 0, 0, False
        if len(self.rest) > 1 and self.rest[0] in _ARTICLES and (self.rest[1] in _SCALES or self.rest[1] == "dozen"):
            self.rest.pop(0)
            group = 1
        while self.rest:
            word = self.rest[0]
            if word in _VALUES:
                group += _VALUES[word]
            elif word == "hundred" and group:
                group *= 100
            elif word == "dozen":
                group = 12 * max(group, 1)
            elif word in _SCALES and group:
                total, group = total + group * _SCALES[word], 0
            elif not (word == "and" and found and len(self.rest) > 1 and self.rest[1] in _VALUES):
                break
            found = True
            self.rest.pop(0)
        if not found:
            raise _NotArithmetic
        return Fraction(total + group)

    def _part(self) -> Fraction | None:
        words = self.rest[1:] if self.rest[:1] in [[article] for article in _ARTICLES] else self.rest
        if words and words[0] in _PARTS:
            self.rest = words[1:]
            return _PARTS[words[0]]
        return None

    def _scaled(self, value: Fraction) -> Fraction:
        while self.rest and self.rest[0] in _SCALES:
            value *= _SCALES[self.rest.pop(0)]
        return value

    def _while_digits(self) -> list[str]:
        words: list[str] = []
        while self.rest and _VALUES.get(self.rest[0], 10) < 10:
            words.append(self.rest.pop(0))
        return words

    def _take(self, *signs: str) -> str | None:
        if not self.rest or self.rest[0] not in signs:
            return None
        sign = self.rest.pop(0)
        self.said.append(_SPOKEN[sign])
        self.operations += 1
        return sign


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise OverflowError
    above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
    exact = Fraction(above, below)
    return exact if exact**2 == value else Fraction(math.sqrt(value))


def _check_size(value: Fraction) -> None:
    if abs(value) >= 10**_MAX_DIGITS or value.denominator >= 10**_MAX_DIGITS:
        raise OverflowError


def _spoken(value: Fraction) -> tuple[str, bool]:
    """Digits, with as many decimals as can be listened to, and whether that is all of it."""
    rounded = Fraction(round(value * 10_000), 10_000)
    if rounded != value:
        rounded = Fraction(round(value * 100), 100) if abs(value) >= 1 else rounded
    whole, decimals = divmod(abs(rounded) * 10_000, 10_000)
    digits = f"{int(whole)}.{int(decimals):04}".rstrip("0").rstrip(".")
    return f"{'minus ' if rounded < 0 else ''}{digits}", rounded == value

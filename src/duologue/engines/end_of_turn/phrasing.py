"""How complete a turn is by its English words, from tables of words."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["completeness"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WANTS_MORE: Final = _words(
    # conjunctions
    "and or but nor so because if when while although though unless until since whereas that whether than as"
    # articles, possessives, quantifiers
    " the a an my your his their our its every each some any another which whose no"
    # prepositions that seldom end a sentence
    " of to from with at for by into onto between among against without during towards toward upon via per like about"
    # auxiliaries and copulas
    " is are was were be been am has had have will would could should shall might may must does did do cannot"
    " i'm you're we're they're he's she's i'll you'll we'll they'll he'll she'll i'd you'd we'd they'd i've you've"
    " we've there's what's let's"
    # subjects
    " i we he she they who"
    # of degree
    " very more most quite rather such too almost really not just also even"
    # verbs that want an object
    " get give put take make want need say tell let means please"
    # hesitation
    " um uh er erm hmm well"
)
"""A turn that ends in one of these goes on."""

_MAY_END_A_QUESTION: Final = _words(
    "of to from with at for by into about like is are was were am do does did have has had will would could should can"
    " want need mean say tell not in on more"
)
"""What was asked for stands in front: "what is it for?", "who are you?"."""

_ENDS_SHORT_ANSWERS: Final = _words(
    "is are was were am do does did have has had will would could should can might may not so please too will well more"
)
"""Behind a pronoun or an adverb they end an answer: "yes, I do", "I think so"."""

_BEFORE_A_SHORT_ANSWER_ENDS: Final = _words(
    "i you he she it we they think hope guess probably better me no once very as"
)

_WHOLE: Final = _words(
    "yes yeah yep no nope okay ok sure thanks hello hi hey goodbye bye right correct stop exactly absolutely sorry"
    " great nothing maybe never help cancel continue"
)
"""One of these alone is a turn."""

_OPENS_A_CONDITION: Final = _words("if when while although though unless because since whenever once whereas until")
_OPENS_AN_INVERSION: Final = _words("had were should")
_OPENS_A_PURPOSE: Final = _words("to after before")
"""A clause that begins so is half of a sentence: the other half stands behind a comma."""

_NUMBERS: Final = _words(
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty"
    " ninety hundred thousand million double triple oh"
)

_ASKS_FOR_A_NUMBER: Final = re.compile(r"\b(?:number|code|pin|zip|card|phone|account|digits?)\b")
_LAST_NUMBER_DIGITS: Final = 7
"""Telephone numbers, codes and cards have this many digits at least; a speaker who pauses earlier is not done."""

_WORD: Final = re.compile(r"[a-z']+|\d+")

_SURELY, _LIKELY, _OPEN, _UNLIKELY, _HARDLY = 0.95, 0.8, 0.5, 0.25, 0.08
"""How much each kind of ending is worth as a probability; what one kind leaves open the voice decides."""


def completeness(text: str) -> float:
    """The probability, 0 to 1, that this transcript is a complete turn. Punctuation counts, but a word weighs more."""
    text = text.strip()
    words = _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    if not words:
        return _OPEN
    if text.endswith((",", "...", "\N{HORIZONTAL ELLIPSIS}", "-", "\N{EN DASH}", "\N{EM DASH}", ":", ";")):
        return _HARDLY
    if len(words) <= 2 and words[-1] in _WHOLE:
        return _SURELY
    asks = text.endswith("?")
    if _breaks_off(words, asks=asks) or _counts(words):
        return _HARDLY
    if _half(text, words) and not asks:
        return _UNLIKELY
    if text.endswith((".", "!", "?")):
        # A single word or two is a beginning more often than an answer.
        return (_SURELY if asks else _LIKELY) if len(words) > 2 else _OPEN
    return _UNLIKELY


def _breaks_off(words: list[str], *, asks: bool) -> bool:
    """Whether the last word needs one behind it."""
    last = words[-1]
    if last not in _WANTS_MORE:
        return False
    if asks and last in _MAY_END_A_QUESTION:
        return False
    return not (len(words) > 1 and last in _ENDS_SHORT_ANSWERS and words[-2] in _BEFORE_A_SHORT_ANSWER_ENDS)


def _counts(words: list[str]) -> bool:
    """Whether a number is being dictated and is too short yet."""
    n_digits = 0
    for word in reversed(words):
        if not (word.isdigit() or word in _NUMBERS):
            break
        n_digits += len(word) if word.isdigit() else 1
    return 0 < n_digits < _LAST_NUMBER_DIGITS and bool(_ASKS_FOR_A_NUMBER.search(" ".join(words)))


def _half(text: str, words: list[str]) -> bool:
    """Whether the sentence under way opened with a condition, and its other half is still missing."""
    sentence = re.split(r"[.!?]\s+", text)[-1]
    first = (_WORD.findall(sentence.lower()) or words)[0]
    return first in (_OPENS_A_CONDITION | _OPENS_AN_INVERSION | _OPENS_A_PURPOSE) and "," not in sentence

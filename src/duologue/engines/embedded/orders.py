"""What instructions order word for word: "Reply with exactly READY", "Call lookup_city with city='Tokyo'".

So much can be obeyed without a language model, and it is what tests of other people's clients ask for. Instructions
that describe ("answer in short sentences"), that depend on something ("if the user asks …") or that leave a value open
("with the city of the user") are not taken for orders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from duologue.engines.base import FunctionCall, ResponderRequest
from duologue.engines.embedded.spoken_calls import literal_call, named_call

__all__ = ["ordered_call", "ordered_words"]

_MAX_CHARACTERS: Final = 8_000  # of instructions that are searched: several pages
_MAX_SENTENCES: Final = 200  # of them; each is compared with every function
_MAX_WORDS_CHARACTERS: Final = 1_000  # to say: a minute of speech

_QUOTED: Final = re.compile(
    r"\"[^\"\n]{0,300}\"|“[^”\n]{0,300}”|`[^`\n]{0,300}`|«[^»\n]{0,300}»|\u2018[^\u2019\n]{0,300}\u2019|(?<!\w)'[^'\n]{0,300}'(?!\w)"
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|[;\n]")
_THEN: Final = re.compile(r"\bthen\b", re.IGNORECASE)
_LOOSE_ENDS: Final = " \t\n,;"
_URGING: Final = (
    r"^[^\w\"“'`«\u2018]*(?:(?:no matter what (?:the )?(?:user|caller)s? (?:says?|asks?)|"
    r"(?:whatever|regardless of what) (?:the )?(?:user|caller)s? (?:says?|asks?)|"
    r"(?:for|to|on) (?:every|each|any) (?:message|turn|question|request|input)|"
    r"when(?:ever)? (?:the )?(?:user|caller) (?:speaks|talks|says (?:anything|something))|"
    r"please|always|now|first|finally|immediately|simply|just|and|then|only|you (?:must|should|will|have to))"
    r"[\s,]+)*"
)
_URGED: Final = re.compile(_URGING, re.IGNORECASE)
_EXACTLY: Final = re.compile(
    _URGING + r"(?:(?:your|the) (?:reply|answer|response|output) (?:must|should|has to|is to) be\b|"
    r"(?:reply|respond|answer|say|return|output|speak|repeat)\b)(?:[^:\"“'`]|(?<=\w)'(?=\w)){0,60}?"
    r"\b(?P<how>exactly|precisely|verbatim|word for word|only|nothing but|just)\b(?P<colon>:?)\s*"
    r"(?:(?:with|by saying|and only|(?:the|this) (?:exact |single |following )?"
    r"(?:words?|text|phrase|sentence|string|token))\b:?\s*)*"
    r"(?P<words>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_PLAINLY: Final = re.compile(
    _URGING + r"(?:reply|respond|answer|say|return|output|speak)\b(?:\s+with)?"
    r"(?:\s+(?:only\s+)?(?:the|this) (?:exact |single |following )?(?:words?|text|phrase|sentence|string|token))?:?\s+"
    r"(?P<words>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_IF: Final = re.compile(
    r"^\W*(?:if|when)\b(?P<condition>[^,]{1,100}?)[,\s]\s{0,3}"
    r"(?P<order>(?:then,?\s{1,3})?(?:reply|respond|answer|say|return)\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_FAILED: Final = re.compile(
    r"\b(?:reject|fail|block|denied|deny|declin|refus|error|not (?:allow|permit)|unsuccessful|without success)",
    re.IGNORECASE,
)
_SUCCEEDED: Final = re.compile(r"\b(?:succe|works?\b|worked|approved|granted|allowed|ok\b|accept|done\b|returns?\b)",
                               re.IGNORECASE)  # fmt: skip
_CALL: Final = re.compile(
    _URGING + r"(?:call|use|run|invoke|execute|trigger)\s+(?:the\s+)?"
    r"(?:(?:tool|function)\s+(?:(?:named|called)\s+)?)?(?P<rest>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_DEPENDS: Final = re.compile(
    r"\b(?:if|when|whenever|unless|until|once|while|every time|in case|as soon as|where|before|after|"
    r"for (?:any|every|each|all))\b",
    re.IGNORECASE,
)
"""Makes a rule of a sentence."""
_DESCRIBES: Final = re.compile(
    r"(?:in|as|what|how|when|if|like|once|twice|whatever|that|this|those|these|it|about|to|from|on|"
    r"the (?:same|user|caller)|(?:a|an|one|two|three|four|five|\d{1,6})\s{1,3}(?:\w{1,40}[\s-]){0,2}"
    r"(?:word|sentence|line|item|letter|digit|number|paragraph|character|emoji|option|bullet|time)s?)\b",
    re.IGNORECASE,
)
"""Begins a description of an answer, and not its words."""
_FORMATS: Final = frozenset({"JSON", "XML", "HTML", "YAML", "CSV", "SQL", "SSML", "ASCII"})
_NOTHING_ELSE: Final = re.compile(r"[\s,]*(?:(?:and|but)\s+(?:with\s+)?(?:nothing|not|no|do not|don't)\b.*)?[.!]?",
                                  re.IGNORECASE | re.DOTALL)  # fmt: skip
"""What may follow a quotation that is to be said."""
_AFTER_WORDS: Final = re.compile(
    r"[\s,]{1,4}(?:\(?(?:and|but)\s{1,3}(?:with\s{1,3})?nothing (?:else|more)|"
    r"\(?(?:with )?no (?:punctuation|other (?:words|text))|"
    r"to (?:every|each|any) (?:message|turn|question|request|input))\)?[.!]?$",
    re.IGNORECASE,
)
"""What may follow words without quotation marks, and is not to be said."""
_AFTER_CALL: Final = re.compile(
    r"\s{1,3}(?:exactly once|once|immediately|(?:before|prior to) (?:you )?(?:reply|answer|respond|speak|say)\w*"
    r"(?: anything)?)(?=[.!]?$)",
    re.IGNORECASE,
)
"""When an ordered call is to be made; it is made at once anyway."""
_TOKEN: Final = re.compile(r"[A-Z0-9]+(?:[_-][A-Z0-9]+)*")
"""A word in capitals, which stands for itself."""


class _Sentence(NamedTuple):
    text: str

    @property
    def depends(self) -> bool:
        return _DEPENDS.search(_QUOTED.sub("", self.text)) is not None


def ordered_words(text: str, result: str | None = None) -> str | None:
    """The words that a text orders the answer to be; None if it leaves that open.

    `result` is what a tool has just returned: orders that depend on its success count then.
    """
    for sentence in _sentences(text):
        case = _IF.match(sentence.text)
        if case is not None and not _holds(case["condition"], result):
            continue
        if (words := _words_to_say(sentence.text if case is None else case["order"])) is not None:
            return words
    return None


def _holds(condition: str, result: str | None) -> bool:
    """Whether a condition is one on the success of a call, and is met by this result."""
    if result is None:
        return False
    if _FAILED.search(condition):
        return _FAILED.search(result) is not None
    return _SUCCEEDED.search(condition) is not None and _FAILED.search(result) is None


def ordered_call(request: ResponderRequest) -> FunctionCall | None:
    """The first call that the instructions order and that was not made since the user last spoke.

    None if there is none, or if the client forbids calls. Each is made once a turn, so that no session goes round.
    """
    functions = request.functions
    if request.function_choice == "none" or not functions:
        return None
    if request.function_choice not in ("auto", "required"):
        functions = tuple(function for function in functions if function.name == request.function_choice)
    made = _made_since_the_user_spoke(request)
    for ordered in _sentences(request.instructions):
        sentence = _Sentence(_AFTER_CALL.sub("", _plain(ordered.text)))
        if sentence.depends:
            continue
        asked = _CALL.match(sentence.text)
        call = named_call(sentence.text, functions) if asked is None else literal_call(asked["rest"], functions)
        if call is not None and call.name not in made:
            return call
    return None


def _words_to_say(sentence: str) -> str | None:
    """The words that one sentence orders to be said; None if it orders something else."""
    if (exact := _EXACTLY.match(sentence)) is not None:
        strict = exact["how"].lower() not in ("only", "just") or exact["colon"]
        words = _unquoted(exact["words"])
        return words if words and (_is_literal(exact["words"]) or (strict and not _DESCRIBES.match(words))) else None
    plain = _PLAINLY.match(sentence)
    return _unquoted(plain["words"]) if plain is not None and _is_literal(plain["words"]) else None


def _is_literal(words: str) -> bool:
    """Whether the words stand for themselves: in quotation marks, or one word in capitals."""
    words = words.strip()
    if (quoted := _QUOTED.match(words)) is not None:
        return len(quoted[0]) > 2 and _NOTHING_ELSE.fullmatch(words[quoted.end() :]) is not None
    words = _AFTER_WORDS.sub("", words).rstrip(".!")
    return _TOKEN.fullmatch(words) is not None and len(words) > 1 and words not in _FORMATS


def _unquoted(words: str) -> str:
    words = words.strip()
    if (quoted := _QUOTED.match(words)) is not None:
        return quoted[0][1:-1][:_MAX_WORDS_CHARACTERS]
    words = _AFTER_WORDS.sub("", words)
    # The full stop is the order's where there is but one word to say.
    return (words if len(words.split()) > 1 else words.rstrip(".!"))[:_MAX_WORDS_CHARACTERS]


def _sentences(text: str) -> Iterator[_Sentence]:
    """The sentences of a text, and what one orders to be done "then"; marks inside quotations end none."""
    text = text[:_MAX_CHARACTERS]
    masked = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text)
    for start, end in islice(_between(_SENTENCE_END, masked, 0, len(text)), _MAX_SENTENCES):
        conditional = _IF.match(text[start:end]) is not None
        for first, last in [(start, end)] if conditional else _between(_THEN, masked, start, end):
            piece = text[first:last].strip(_LOOSE_ENDS)
            if piece := piece.removesuffix(" and").strip(_LOOSE_ENDS):
                yield _Sentence(piece)


def _between(boundaries: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the pieces between boundaries lie."""
    for boundary in boundaries.finditer(text, start, end):
        yield start, boundary.start()
        start = boundary.end()
    yield start, end


def _plain(sentence: str) -> str:
    """A sentence without what urges."""
    return _URGED.sub("", sentence, count=1)


def _made_since_the_user_spoke(request: ResponderRequest) -> Sequence[str]:
    made: list[str] = []
    for message in reversed(request.messages):
        if message.role == "user":
            break
        made.extend(call.name for call in message.calls)
    return made

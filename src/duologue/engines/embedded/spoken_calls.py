"""Function calls as people ask for them: "Call the tool get_weather with city Paris and unit celsius".

A tool is called by its name or by the words of its name, arguments by theirs, in text or as a transcriber writes them:
with capitals, commas and numbers in digits or words. What cannot be understood is said, not guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from heapq import nlargest
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from duologue.codec.jsontext import parse_object, write_text
from duologue.engines.base import Function, FunctionCall, ResponderRequest
from duologue.engines.embedded.spoken_values import NotThat, fitting, spelled, value_of
from duologue.errors import DecodeError

__all__ = [
    "ASKING",
    "MAX_SAID_CHARACTERS",
    "asked_calls",
    "literal_call",
    "named_call",
    "result_in_words",
    "wanted_call",
]

ASKING: Final = re.compile(
    r"(?:^\W*|[.!?;,]\s+|\b(?:please|and|then|you|to|now|can|could)\W+)(?:call|use|run|invoke)\s+(?=\S)(?:the |a |my )?"
    r"(?P<sure>(?:tool|function)s?\b(?: called| named)?)?[\s,:]*(?P<rest>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
"""Begins a request; further ones may follow inside `rest`."""

_AGAIN: Final = re.compile(
    r"(?:\b(?:and|then)[\s,]+(?:then[\s,]+)?|[.;!?]\s+)(?:call|use|run|invoke)\s+"
    r"(?:the |a |my )?(?:tool|function)s?\b(?: called| named)?[\s,:]*",
    re.IGNORECASE,
)
"""Begins a further request. What stands before it is left with the one before: a run of spaces that is looked for at
each of its places would take time by the square of its length."""
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?|\S", re.IGNORECASE)
_NAME_WORDS: Final = 8  # a function's name has up to 64 characters: hardly more words
_LINKS: Final = frozenset({"with", "and", "using", "where", "the", "arguments", "argument", "parameters", "parameter",
                           ",", ";", "(", "for", "to", "set", "a", "an"})  # fmt: skip
"""What may stand before the name of an argument."""
_IS: Final = re.compile(r"^(?:\s*(?:(?:is|are|equals|equal to|set to|being|as|of)\b|[=:,]))+\s*", re.IGNORECASE)
_BEFORE_AGAIN: Final = " \t\n,.;"
_EDGES: Final = " \t\n,;:.!?\"'()"
_LINK_AT_END: Final = re.compile(r"\b(?:and|with|the)$", re.IGNORECASE)
_BARE: Final = re.compile(r"^\W*(?:for|in|on|about|of|at)\s+(?P<value>.+)$", re.IGNORECASE | re.DOTALL)
"""A value without a name, for a tool that has one argument to give it to."""
_LITERAL: Final = re.compile(r"^(?:\s|is\b|set to\b|of\b|as\b)*(?:[=:]|[\"'“]|(?:[A-Z]|[+\-\N{MINUS SIGN}]?\d))")
"""A value that stands for itself: behind an equals sign, in quotation marks, a name or a number."""
_LITERAL_ALONE: Final = re.compile(
    r"^\s+(?:with|for|on)\s+(?P<value>(?:[\"'“][^\"'”]+[\"'”]|[A-Z\d]\S*(?:\s+[A-Z\d]\S*)*))\W*$"
)
_SIGNS: Final = frozenset({"-", "+", "\N{MINUS SIGN}"})
_MARKS: Final = " =:\"'“"
_ITS_KIND: Final = re.compile(r"^\s+(?:tool|function)\b", re.IGNORECASE)
_LITTLE_WORDS: Final = re.compile(
    r"\b(?:the|a|an|my|me|us|them|user|caller|customer|this|conversation|call|please|over)\b", re.IGNORECASE
)
_POLITE: Final = re.compile(r"\b(?:please|now|for me|thanks|thank you|without (?:any )?arguments?)\b", re.IGNORECASE)
_CLOSE_NAME: Final = 0.8  # of the letters in order: "get whether" for "get weather", and no other tool's name
_MAX_RESULT_CHARACTERS: Final = 600  # of a result that is said aloud: about a minute of speech
_MAX_READ_CHARACTERS: Final = 8_000  # of a result that is read as JSON: a dozen times what is said of it
_MAX_RESULTS: Final = 16  # that are said at once: two minutes; a model that calls more asks for a summary itself
_MAX_PIECES: Final = 1_000  # of a result, each name and each value being one: more than what is said holds
_MAX_RESULT_DEPTH: Final = 16  # of lists and objects in a result; a listener cannot follow deeper ones

MAX_SAID_CHARACTERS: Final = 1_000
"""Read of one message: a minute of speech. What is asked is asked in less."""

_MAX_FUNCTIONS: Final = 128  # that can be asked for: what the hosted service takes
_MAX_ARGUMENTS: Final = 128  # of one function; a schema made by hand has ten
_MAX_NAME_CHARACTERS: Final = 100  # of an argument; longer than any spoken name
_MAX_CLOSE: Final = 8  # names that a mishearing is compared with letter by letter, the nearest by their letters first


class _Heard(NamedTuple):
    """A tool and what was said behind its name."""

    function: Function
    rest: str


def asked_calls(request: ResponderRequest, *, sure: bool, rest: str) -> Sequence[FunctionCall] | str | None:
    """The calls that are asked for, or why there are none; None if no call was meant after all.

    `sure`: it was said that a tool or a function is meant.
    """
    functions = request.functions[:_MAX_FUNCTIONS]
    if request.function_choice == "none" or not functions:
        return "I have no tools to call." if sure else None
    calls: list[FunctionCall] = []
    for part in _AGAIN.split(rest[:MAX_SAID_CHARACTERS]):
        heard = _heard(part.rstrip(_BEFORE_AGAIN), functions, fuzzy=sure)
        if heard is None:
            known = ", ".join(_said_name(function.name) for function in functions)
            return f"I do not know that tool. I can call {known}." if sure else None
        arguments, faults = _arguments(heard.rest, heard.function)
        if faults:
            return " ".join(faults)
        calls.append(_call(heard.function, arguments))
    return calls


def wanted_call(request: ResponderRequest, text: str) -> FunctionCall | None:
    """The call that has to be made, because the client requires one, with what the words give for it."""
    text, functions = text[:MAX_SAID_CHARACTERS], request.functions
    if request.function_choice not in ("auto", "none", "required"):
        functions = tuple(function for function in functions if function.name == request.function_choice)
    if not functions or request.function_choice in ("auto", "none"):
        return None
    functions = functions[:_MAX_FUNCTIONS]
    asking = ASKING.search(text)
    heard = _heard(asking["rest"] if asking else text, functions, fuzzy=asking is not None)
    if heard is None:
        words = spelled(text)
        named = next((function for function in functions if spelled(function.name) in words), functions[0])
        heard = _Heard(named, text)
    arguments, _ = _arguments(heard.rest, heard.function, anywhere=heard.rest == text)
    return _call(heard.function, arguments)


def literal_call(said: str, functions: Sequence[Function]) -> FunctionCall | None:
    """The call that these words spell out, "lookup_city with city='Tokyo'"; None if they leave anything open."""
    heard = _heard(said[:MAX_SAID_CHARACTERS].rstrip(_BEFORE_AGAIN), functions[:_MAX_FUNCTIONS], fuzzy=False)
    if heard is None:
        return None
    function, rest = heard.function, _ITS_KIND.sub("", heard.rest)
    properties, required = _asked_for(function)
    if not rest.strip(_EDGES):
        return None if required else _call(function, {})
    alone = required if len(required) == 1 else list(properties)
    bare = _LITERAL_ALONE.match(rest)
    if bare is not None and len(alone) == 1 and spelled(bare["value"]) != spelled(alone[0]):
        rest = f" with {alone[0]}={bare['value']}"
    elif not all(_LITERAL.match(words) for words in _raw_values(rest, properties)):
        return None
    arguments, faults = _arguments(rest, function)
    return None if faults or not (arguments or _typed(rest) is not None) else _call(function, arguments)


def named_call(said: str, functions: Sequence[Function]) -> FunctionCall | None:
    """The call of a function without required arguments whose name is what was said: "transfer me to the specialist"
    for `transfer_to_specialist`; articles and the like do not count. None for anything else."""
    heard = spelled(_LITTLE_WORDS.sub(" ", said[:MAX_SAID_CHARACTERS]))
    for function in functions[:_MAX_FUNCTIONS]:
        name = spelled(_LITTLE_WORDS.sub(" ", function.name.replace("_", " ")))
        if name and heard == name and not _asked_for(function)[1]:
            return _call(function, {})
    return None


def _raw_values(said: str, properties: Mapping[str, Any]) -> Sequence[str]:
    """What stands behind each argument's name, as it was written; one empty text if there is none."""
    places = _places(said, properties, anywhere=False)
    ends = [begin for _, begin, _ in places[1:]] + [len(said)]
    # A mark behind a name belongs to its place.
    starts = [len(said[:start].rstrip(_MARKS)) for _, _, start in places]
    return [said[start:end] for start, end in zip(starts, ends, strict=False)] or [""]


def result_in_words(request: ResponderRequest) -> str | None:
    """What tools returned since the assistant last spoke; the user may have spoken while they ran."""
    results: list[str] = []
    spoken = False
    for message in reversed(request.messages):
        spoken = spoken or (message.role == "assistant" and not message.calls)
        if message.role == "tool" and (not spoken or message.call_id in request.returned):
            results.append(f"The tool returned {_in_words(message.text) or 'nothing'}.")
        if len(results) == _MAX_RESULTS:
            break
    return " ".join(reversed(results)) or None


def _call(function: Function, arguments: Mapping[str, Any]) -> FunctionCall:
    return FunctionCall(name=function.name, arguments=write_text(arguments).decode())


def _heard(said: str, functions: Sequence[Function], *, fuzzy: bool) -> _Heard | None:
    """The tool whose name begins what was said; of two, the one with the longer name."""
    ends = [word.end() for word in islice(_WORD.finditer(said), 2 * _NAME_WORDS)]
    beginnings = {end: spelled(said[:end]) for end in ends}
    names = {spelled(function.name): function for function in functions}
    for end in reversed(ends):
        if (function := names.get(beginnings[end])) is not None:
            return _Heard(function, said[end:])
    for end in reversed(ends) if fuzzy else ():
        near = _nearest_by_letters(beginnings[end], names)
        if close := get_close_matches(beginnings[end], near, n=1, cutoff=_CLOSE_NAME):
            return _Heard(names[close[0]], said[end:])
    return None


def _nearest_by_letters(word: str, names: Iterable[str]) -> list[str]:
    """Those that share most letters, whatever their order: comparing in order takes time by the square of a length."""
    letters = Counter(word)
    shared = {name: 2 * (letters & Counter(name)).total() / (len(word) + len(name) or 1) for name in names}
    return nlargest(_MAX_CLOSE, (name for name in names if shared[name] >= _CLOSE_NAME), key=lambda name: shared[name])


# --- arguments


def _arguments(said: str, function: Function, *, anywhere: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Values by name, and a sentence for each thing that is missing or was not understood.

    `anywhere`: names count without a word like "with" before them.
    """
    properties, required = _asked_for(function)
    typed = _typed(said)
    named = typed if typed is not None else _named(said, properties, required, anywhere=anywhere)
    values, faults = _values(named, properties, fitting if typed is not None else value_of)
    missing = [_said_name(name) for name in required if name not in values]
    unheard = _POLITE.sub("", said).strip(_EDGES)
    if properties and unheard and not (named or missing or anywhere):
        takes = _listed([_said_name(name) for name in properties])
        faults.append(f"The tool {_said_name(function.name)} takes {takes}, and I heard none of that in: {unheard}.")
    if missing and not faults:
        faults.append(
            f"To call the tool {_said_name(function.name)} I need {_listed(missing)}. "
            f"Say: call the tool {_said_name(function.name)} with {' … and '.join(missing)} …."
        )
    return values, faults


def _asked_for(function: Function) -> tuple[Mapping[str, Any], list[str]]:
    """Schemas by name, and the names that must be there. What is no schema at all asks for nothing."""
    properties, required = function.parameters.get("properties"), function.parameters.get("required")
    named = properties.items() if isinstance(properties, Mapping) else ()
    needed = (name for name in required if _sayable(name)) if isinstance(required, Sequence) else ()
    return (
        dict(islice(((name, schema) for name, schema in named if _sayable(name)), _MAX_ARGUMENTS)),
        list(islice(needed, _MAX_ARGUMENTS)),
    )


def _sayable(name: object) -> bool:
    return isinstance(name, str) and len(name) <= _MAX_NAME_CHARACTERS


def _typed(said: str) -> dict[str, Any] | None:
    """Arguments that were written as JSON."""
    start = said.find("{")
    try:
        return parse_object(said[start:].rstrip(" .!?)")) if start >= 0 else None
    except DecodeError:
        return None


def _named(said: str, properties: Mapping[str, Any], required: Sequence[str], *, anywhere: bool) -> Mapping[str, Any]:
    """The words that stand behind each argument's name."""
    places = _places(said, properties, anywhere=anywhere)
    found: dict[str, str] = {}
    ends = [begin for _, begin, _ in places[1:]] + [len(said)]
    # Without places there is an end too many.
    for (name, _, start), end in zip(places, ends, strict=False):
        words = _LINK_AT_END.sub("", said[start:end].rstrip())
        found.setdefault(name, _IS.sub("", words).strip(_EDGES))
    bare = _BARE.match(said)
    alone = required if len(required) == 1 else list(properties)
    if not places and bare is not None and len(alone) == 1:
        found[alone[0]] = bare["value"].strip(_EDGES)
    return {name: words for name, words in found.items() if words}


def _places(said: str, properties: Mapping[str, Any], *, anywhere: bool) -> list[tuple[str, int, int]]:
    """Where arguments are named, in order: the name, where it begins, where it ends."""
    names = {spelled(name): name for name in properties}
    words = [*_WORD.finditer(said)]
    spellings = [spelled(word[0]) for word in words]
    places: list[tuple[str, int, int]] = []
    index = 0
    while index < len(words):
        linked = anywhere or index == 0 or words[index - 1][0].lower() in _LINKS
        ends = range(min(index + _NAME_WORDS, len(words)), index, -1) if linked else ()
        for last in ends:
            if words[last - 1][0] in _SIGNS:
                continue  # it belongs to the value
            begin, end = words[index].start(), words[last - 1].end()
            # Named twice, it is a word of another value: the city of New York City.
            if (name := names.pop("".join(spellings[index:last]), None)) is not None:
                places.append((name, begin, end))
                index = last  # what follows a name is its value, even if it is the name of another argument
                break
        index += 1
    return places


def _values(
    named: Mapping[str, Any], properties: Mapping[str, Any], read: Callable[[Any, Mapping[str, Any]], Any]
) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, words in named.items():
        schema = properties.get(name)
        try:
            values[name] = read(words, schema if isinstance(schema, Mapping) else {})
        except NotThat as wanted:
            faults.append(f"For {_said_name(name)} I understand {wanted}, and not {words}.")
    return values, faults


# --- words


def _said_name(name: str) -> str:
    """A name as it is said: words instead of underscores and capitals in the middle."""
    return " ".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower().split())


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _in_words(output: str) -> str:
    output, cut = output[:_MAX_READ_CHARACTERS], len(output) > _MAX_READ_CHARACTERS
    try:
        pieces = [output] if cut else islice(_phrase(msgspec.json.decode(output), _MAX_RESULT_DEPTH), _MAX_PIECES)
        phrase = "".join(pieces)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        phrase = output
    words = " ".join(phrase.split())
    return words.rstrip(". ") if len(words) <= _MAX_RESULT_CHARACTERS else f"{words[:_MAX_RESULT_CHARACTERS]} and more"


def _phrase(value: Any, depth: int) -> Iterator[str]:
    """What a decoded result says, piece by piece, down to a depth."""
    match value:
        case dict() | list() if depth == 0:
            yield "and so on"
        case dict():
            for index, (name, inner) in enumerate(value.items()):
                yield f"{', ' if index else ''}{_said_name(str(name))} "
                yield from _phrase(inner, depth - 1)
        case list():
            for index, inner in enumerate(value):
                yield ", " if index else ""
                yield from _phrase(inner, depth - 1)
        case bool():
            yield "yes" if value else "no"
        case None:
            yield "nothing"
        case _:
            yield str(value)

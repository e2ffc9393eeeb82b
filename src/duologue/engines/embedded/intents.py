"""What the embedded responder can do, as a table: what people say, and what answers it.

All answers are computed from the request; nothing is looked up or kept outside the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

from duologue.engines.base import Function, FunctionCall, ResponderRequest
from duologue.engines.embedded.arithmetic import calculate, number
from duologue.engines.embedded.orders import ordered_words
from duologue.engines.embedded.spoken_calls import ASKING, MAX_SAID_CHARACTERS, asked_calls

__all__ = ["SLOWLY", "answer"]

SLOWLY = re.compile(r"\bslowly\b", re.IGNORECASE)
"""Asks for time between the numbers."""

_Said = re.Match[str]
_Answer = Callable[[ResponderRequest, _Said], "str | Sequence[FunctionCall] | None"]
"""None: this was not meant after all, and the next entry of the table is asked."""

_MAX_COUNT = 100  # numbers; a minute of speech: more than a listener sits through, and enough to interrupt
_MAX_REMEMBERED = 50_000  # characters of earlier messages that are searched for a name: an hour of talk
_MAX_SPELLED = 40  # letters; longer than any English word in use

_WORDS_TO_SAY = re.compile(
    r"(?:please )?(?:say|repeat|read)(?: out)?(?: aloud)?(?: exactly)?(?: the following)?(?: text| words| sentence)?:"
    r"\s*(?P<words>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
"""Instructions of a response that is to say certain words: how clients speak a text of their own."""

_WHAT_I_DO = (
    "I can tell the time and the date, do arithmetic, spell, count, repeat after you, remember your name, "
    "and call your tools."
)
_NO_MODEL = "I have no language model behind me"


def answer(request: ResponderRequest, *, fallback: Function | None = None) -> str | Sequence[FunctionCall]:
    """What to say to the last message of the user, or to begin with where there is none; or what it asks to call.

    Where no entry of the table fits, the fallback is called; without one, the answer is what was heard.
    """
    if (wanted := _WORDS_TO_SAY.fullmatch(request.instructions[: 2 * MAX_SAID_CHARACTERS].strip())) is not None:
        return wanted["words"][:MAX_SAID_CHARACTERS]
    if (ordered := ordered_words(request.instructions)) is not None:
        return ordered
    text, blind = _last(request, "user"), _shows_picture(request)
    if not text:
        return f"I cannot see pictures: {_NO_MODEL}." if blind else "Hello! I am listening."
    if (ordered := ordered_words(text)) is not None:
        return ordered
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for pattern, reply in _INTENTS:
        if (said := pattern.search(plain)) is not None and (words := reply(request, said)) is not None:
            return words
    if fallback is not None:
        return [FunctionCall(name=fallback.name, arguments="{}")]
    heard = text.rstrip(",;: ")
    answer = f'I heard: "{heard}"' + ("" if heard.endswith((".", "!", "?")) else ".")
    return f"{answer} I cannot see the picture with it." if blind else answer


def _arithmetic(request: ResponderRequest, said: _Said) -> str | None:
    calculation = calculate(said[0])
    return None if calculation is None else calculation.answer


def _meet(request: ResponderRequest, said: _Said) -> str | None:
    name = _name_in(said)
    return None if name is None else f"Nice to meet you, {name}."


def _recall_name(request: ResponderRequest, said: _Said) -> str:
    left = _MAX_REMEMBERED
    for message in reversed(request.messages):
        if message.role != "user" or left <= 0:
            continue
        text = message.text[:MAX_SAID_CHARACTERS]
        left -= len(text) + 1
        if (found := _MY_NAME.search(text)) and (name := _name_in(found)):
            return f"Your name is {name}."
    return "You have not told me your name yet."


def _recall_fact(request: ResponderRequest, said: _Said) -> str | None:
    thing = re.escape(said["thing"])
    told = re.compile(rf"\b(?:the|my|our)\s+{thing}\b(?:\s+(?:is|was|are))?[\s:=]+(?P<fact>[^.!?;\n]{{1,100}})", re.I)
    for text in _earlier(request):
        if (found := told.search(text)) is not None:
            return found["fact"].strip(" \"'") + "."
    return None


def _earlier(request: ResponderRequest) -> Iterator[str]:
    """What the user said before, newest first, as far as it is searched."""
    left = _MAX_REMEMBERED
    said = (message.text[:MAX_SAID_CHARACTERS] for message in reversed(request.messages) if message.role == "user")
    for text in islice(said, 1, None):
        if (left := left - len(text) - 1) < 0:
            return
        yield text


def _name_in(said: _Said) -> str | None:
    words = re.findall(r"[^\W\d_][\w'-]*", said["name"])
    # A transcript writes names with capitals; "call me later" has none.
    named = words[:1] if said["sure"] else []
    for word in words[len(named) : 3]:
        if not word[0].isupper():
            break
        named.append(word)
    return " ".join(word[0].upper() + word[1:] for word in named) or None


def _time(request: ResponderRequest, said: _Said) -> str:
    now = request.now
    return f"It is {now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}."


def _date(request: ResponderRequest, said: _Said) -> str:
    word = (said["when"] or "today").lower()
    day = request.now + timedelta(days={"yesterday": -1, "today": 0, "tomorrow": 1}[word])
    tense = {"yesterday": "was", "today": "is", "tomorrow": "will be"}[word]
    return f"{word.capitalize()} {tense} {day:%A}, {day:%B} {day.day}, {day.year}."


def _spell(request: ResponderRequest, said: _Said) -> str | None:
    letters = [letter.upper() for letter in said["word"] if letter.isalnum()]
    if not 0 < len(letters) <= _MAX_SPELLED:
        return None
    return f"{said['word'].strip().capitalize()} is spelled {', '.join(letters)}."


def _count(request: ResponderRequest, said: _Said) -> str | None:
    first, last = number(said["first"] or "one"), number(said["last"])
    if first is None or last is None:
        return None
    if abs(last - first) >= _MAX_COUNT:
        return f"That is a long way. I count {_MAX_COUNT} numbers at most."
    step = 1 if last >= first else -1
    numbers = [str(value) for value in range(first, last + step, step)]
    # Slowly: each number is a sentence of its own, and the responder pauses between sentences.
    return " ".join(f"{value}." for value in numbers) if SLOWLY.search(said[0]) else ", ".join(numbers) + "."


def _call(request: ResponderRequest, said: _Said) -> str | Sequence[FunctionCall] | None:
    return asked_calls(request, sure=bool(said["sure"]), rest=said["rest"])


def _repeat(request: ResponderRequest, said: _Said) -> str | None:
    return said["words"].strip(" \"'") or None


def _say_again(request: ResponderRequest, said: _Said) -> str:
    return _last(request, "assistant") or "I have not said anything yet."


def _what_was_said(request: ResponderRequest, said: _Said) -> str:
    earlier = [message.text for message in request.messages if message.role == "user" and message.text][:-1]
    return f'You said: "{earlier[-1][:MAX_SAID_CHARACTERS]}"' if earlier else "That was the first thing you said."


def _instructions(request: ResponderRequest, said: _Said) -> str:
    if not request.instructions or request.instructions.isspace():
        return f"I was given no instructions. {_NO_MODEL}, so I could not follow them anyway."
    return f"I was given instructions, but {_NO_MODEL}, so I cannot follow them."


def _age(request: ResponderRequest, said: _Said) -> str:
    minutes, seconds = divmod(int(request.session_age_s), 60)
    parts = [_plural(minutes, "minute")] if minutes else []
    return f"We have been connected for {' and '.join([*parts, _plural(seconds, 'second')])}."


def _turns(request: ResponderRequest, said: _Said) -> str:
    return f"I have answered {_plural(request.turn, 'time')} before this."


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _last(request: ResponderRequest, role: str) -> str:
    """What was said last, as far as it is read."""
    said = next((message.text for message in reversed(request.messages) if message.role == role), "")
    return said[:MAX_SAID_CHARACTERS].strip()


def _shows_picture(request: ResponderRequest) -> bool:
    """Whether the last message of the user has one."""
    return next((bool(message.images) for message in reversed(request.messages) if message.role == "user"), False)


def _saying(words: str) -> _Answer:
    """An answer that is always the same; `{…}` in it is a field of the request."""
    return lambda request, said: words.format(request=request)


_MY_NAME = re.compile(
    r"\b(?:(?P<sure>my name is|my name's|i am called|i'm called)|call me)\s+(?P<name>[^.!?,;]+)", re.I
)

_TABLE: tuple[tuple[str, _Answer], ...] = (
    # What is said may contain anything: these come first.
    (r"\b(?:repeat|say) after me\b[:,.]?\s*(?P<words>.+)", _repeat),
    (r"\b(?:say|repeat) (?:that|it)(?: again)?\b|\bwhat did you (?:just )?say\b|^\W*(?:pardon|sorry)\?", _say_again),
    (r"^\W*(?:please )?(?:say|repeat)\b(?: the words?)?[:,]?\s+(?P<words>.+)", _repeat),
    (r"\bwhat (?:did|have) i (?:just )?(?:say|said|ask)", _what_was_said),
    (ASKING.pattern, _call),
    (r"\bspell(?: the word| me)?[:,]?\s+(?P<word>[\w'-]+)", _spell),
    (
        r"\b(?:slowly )?counts? (?:down )?(?:slowly )?(?:from (?P<first>[\w -]{1,40}?) )?(?:up |down )?(?:slowly )?"
        r"(?:to|till|until) (?P<last>[\w -]{1,40}?)(?:,? slowly)?\b(?=\W{0,20}$|[.!?;,])",
        _count,
    ),
    (_MY_NAME.pattern, _meet),
    (r"\b(?:what(?:'s| is)|do you (?:know|remember)|say|tell me) my name\b|\bwho am i\b", _recall_name),
    (r"^.*$", _arithmetic),
    (r"\bwhat(?:'s| is)? (?:the )?time\b|\bwhat time\b|\btell me the time\b|\btime is it\b", _time),
    (
        r"(?:\b(?:what|which)(?:'s| is)?|\btell me) (?:the |today's )?(?:date|day|year|month)\b"
        r"(?:.*\b(?P<when>yesterday|today|tomorrow)\b)?",
        _date,
    ),
    (r"\bwhat(?:'s| is| was| are)\s+(?:the|my|our)\s+(?P<thing>\w+(?:\s\w+){0,3})\s*(?:again)?[?.!,]", _recall_fact),
    # About this session.
    (
        r"\b(?:what|which|whose) (?:voice|speaker)\b|\byour voice\b",
        _saying("You asked for the voice {request.voice}."),
    ),
    (r"\bhow (?:long|much time) (?:have|are|did) we\b|\bhow long .{0,60}\b(?:session|connected|talking)\b", _age),
    (r"\bhow many (?:turns|times|answers|responses|questions)\b", _turns),
    (r"\b(?:session|conversation)(?:'s)? (?:id|number|name)\b", _saying("This session is {request.session_id}.")),
    (r"\b(?:your|the|any|follow|what) (?:instructions|system prompt|prompt)\b", _instructions),
    (
        r"\b(?:what|which|language) model\b|\bare you (?:an? )?(?:ai|chat ?gpt|gpt|bot|robot|human|real|person)\b",
        _saying(
            "You asked for the model {request.model}, and I am a small program in its place: "
            f"{_NO_MODEL}. {_WHAT_I_DO}"
        ),
    ),
    (
        r"\b(?:who|what) are you\b|\byour name\b|\bintroduce yourself\b|\btell me about yourself\b",
        _saying(f"I am duologue, a voice server that runs on this machine. {_NO_MODEL}. {_WHAT_I_DO}"),
    ),
    (r"\bwhat (?:can|do) you do\b|\bhow can you help\b|\bcan you help\b|^\W*help\b", _saying(_WHAT_I_DO)),
    # Manners, when there is nothing else in what was said.
    (r"\b(?:thank you|thanks|thank)\b", _saying("You are welcome.")),
    (r"\b(?:goodbye|good bye|bye|see you|good night)\b", _saying("Goodbye!")),
    (r"\bhow (?:are|do) you\b", _saying("I am well, thank you. What can I do for you?")),
    (
        r"^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|greetings)\b(?:\W+\w+){0,2}\W*$",
        _saying("Hello! What can I do for you?"),
    ),
)
_INTENTS = tuple((re.compile(pattern, re.I | re.S), reply) for pattern, reply in _TABLE)

"""Strategies of Hypothesis: events of every family, as classes or as JSON, and commands that a server accepts in order.

@given(events(direction="server"))
def test_my_client_takes_any_event(event): …

@given(sessions())
def test_my_server_takes_what_is_legal(commands): …

Needs the package hypothesis, which duologue does not bring along.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import inspect

from duologue.codec import EVENT_CLASSES, decode
from duologue.codec.families import TRANSLATION_CLASSES, decode_translation
from duologue.codec.jsontext import write_text
from duologue.codec.known import own_classes
from duologue.codec.live import LIVE_CLASSES, decode_live
from duologue.events import (
    ClientEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    UnknownVariant,
)
from duologue.events.base import Variant
from duologue.protocol import Respond, Transcribe
from duologue.testing.pair import Pair

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as _fault:
    raise ModuleNotFoundError(
        "duologue.testing.strategies needs hypothesis: pip install hypothesis", name="hypothesis"
    ) from _fault

__all__ = ["EventDirection", "EventFamily", "events", "frame_of", "frames", "json_values", "sessions"]

EventFamily: TypeAlias = Literal["realtime", "translation", "live", "azure-voice-live"]
"""The last are the events that only Azure Voice Live has, beside those of Realtime."""

EventDirection: TypeAlias = Literal["client", "server"]

_AZURE: Final = "azure-voice-live"

_AUDIO_BYTES: Final = 480
"""The most in a generated field: 10 ms. What is in it matters to few tests, and long fields slow all down."""

_MAX_INTEGER: Final = 2**63
"""JSON has no limit, and servers written in other languages have this one."""

json_values: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
"""Any JSON value."""


class _Family(NamedTuple):
    """The classes of a family by wire name, and what reads its frames."""

    classes: Mapping[str, type[Any]]
    decode: Callable[[bytes], Any]


def events(
    family: EventFamily = "realtime", *, direction: EventDirection | None = None, type: str | None = None
) -> st.SearchStrategy[Any]:
    """Typed events of a family: of one direction, or of one wire name, or any. Audio in them is base64.

    Raises:
        ValueError: the family has no such event.
    """
    read = _family(family).decode
    return frames(family, direction=direction, type=type).map(lambda frame: read(write_text(frame)))


def frames(
    family: EventFamily = "realtime", *, direction: EventDirection | None = None, type: str | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """The same events as JSON objects: every required field, and some of the others. Raises ValueError."""
    classes = _family(family).classes
    names = sorted(
        name
        for name, cls in classes.items()
        if (type is None or name == type) and (direction is None or _direction_of(cls) == direction)
    )
    if not names:
        known = ", ".join(sorted(classes))
        raise ValueError(f"{family} has no such event: type {type!r}, direction {direction!r}; it has {known}")
    return st.sampled_from(names).flatmap(lambda name: frame_of(name, classes))


def frame_of(
    type_name: str, classes: Mapping[str, type[Variant]] = EVENT_CLASSES, *, valid_audio: bool = True
) -> st.SearchStrategy[dict[str, Any]]:
    """A well-formed frame of this event, by its class. Without `valid_audio`, any text may stand for audio."""
    return _value(inspect.type_info(classes[type_name]), _audio if valid_audio else _texts)


@st.composite
def sessions(draw: st.DrawFn, *, max_commands: int = 12) -> list[ClientEvent]:
    """Client events that a Realtime server accepts in this order, each without an error.

    Their sender waits for `response.done` behind each `response.create`. Ids of items are the client's own.
    """
    pair = Pair()
    pair.connect()
    commands: list[ClientEvent] = []
    for number in range(draw(st.integers(1, max_commands))):
        own = [item.item_id for item in pair.server.conversation if item.item_id.startswith(_OWN)]
        event = draw(_command(f"{_OWN}{number}", own))
        if any(isinstance(answer, ErrorEvent) for answer in pair.send(event)):
            continue  # not legal now; an event that is rejected has changed nothing
        commands.append(event)
        _answer(pair)
    return commands


# --- events


_texts: Final = st.text(max_size=20)
_audio: Final = st.binary(max_size=_AUDIO_BYTES).map(lambda data: b64encode(data[: len(data) // 2 * 2]).decode())


def _family(name: str) -> _Family:
    match name:
        case "realtime":
            return _Family(EVENT_CLASSES, decode)
        case "translation":
            return _Family(TRANSLATION_CLASSES, decode_translation)
        case "live":
            return _Family(LIVE_CLASSES, decode_live)
        case "azure-voice-live":
            return _Family(own_classes(_AZURE), partial(decode, dialect=_AZURE))
        case _:
            raise ValueError(f"there is no family {name!r}; there are realtime, translation, live and {_AZURE}")


def _direction_of(cls: type[Any]) -> EventDirection:
    return "client" if any(base.__name__.endswith("ClientEvent") for base in cls.__mro__) else "server"


def _value(info: inspect.Type, audio: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    match info:
        case inspect.Metadata():
            return _value(info.type, audio)
        case inspect.StructType():
            return _object(info, audio)
        case inspect.UnionType():
            known = [each for each in info.types if not _is_unknown(each)]
            return st.one_of([_value(each, audio) for each in known])
        case inspect.ListType():
            return st.lists(_value(info.item_type, audio), max_size=3)
        case inspect.DictType():
            return st.dictionaries(st.text(max_size=8), _value(info.value_type, audio), max_size=3)
        case inspect.AnyType():
            return json_values
        case _:
            return _PLAIN[type(info)]


_PLAIN: Final[Mapping[type[inspect.Type], st.SearchStrategy[Any]]] = {
    inspect.StrType: _texts,
    inspect.IntType: st.integers(-_MAX_INTEGER, _MAX_INTEGER),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
}


def _object(info: inspect.StructType, audio: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    of_audio: frozenset[str] = getattr(info.cls, "audio_fields", frozenset())
    fields = [field for field in info.fields if field.name != "extra"]
    values = [(field, audio if field.name in of_audio else _value(field.type, audio)) for field in fields]
    required = {field.encode_name: value for field, value in values if field.required}
    optional = {field.encode_name: value for field, value in values if not field.required}
    if info.tag_field is not None:
        required[info.tag_field] = st.just(info.tag)
    return st.fixed_dictionaries(required, optional=optional)


def _is_unknown(info: inspect.Type) -> bool:
    return isinstance(info, inspect.StructType) and issubclass(info.cls, UnknownVariant)


# --- sessions


_OWN: Final = "own_"
"""What ids of items that a generated session makes begin with."""

_pcm: Final = st.sampled_from([0, 960, 4800, 48_000]).map(bytes)
_contents: Final = st.text(min_size=1, max_size=20).map(lambda text: {"type": "input_text", "text": text})
_settings: Final = st.fixed_dictionaries(
    {"type": st.just("realtime")},
    optional={
        "instructions": st.text(max_size=20),
        "output_modalities": st.sampled_from([["audio"], ["text"]]),
        "max_output_tokens": st.sampled_from([1, 4096, "inf"]),
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "turn_detection": st.none()
                        | st.fixed_dictionaries(
                            {"type": st.just("server_vad")}, optional={"create_response": st.booleans()}
                        ),
                        "transcription": st.none() | st.just({"model": "whisper-1"}),
                    },
                )
            },
        ),
    },
)
_requests: Final = st.fixed_dictionaries(
    {},
    optional={
        "conversation": st.sampled_from(["auto", "none"]),
        "output_modalities": st.sampled_from([["audio"], ["text"]]),
        "instructions": st.text(max_size=20),
    },
)


def _command(new_id: str, own_ids: list[str]) -> st.SearchStrategy[Any]:
    """Any command that may be legal: one that makes an item, with this id, or is about one of these, or another one."""
    messages = st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "id": st.just(new_id),
            "role": st.sampled_from(["user", "system"]),
            "content": st.lists(_contents, min_size=1, max_size=2),
        }
    )
    commands = [
        st.builds(_event, st.just("session.update"), session=_settings),
        _pcm.map(InputAudioBufferAppendEvent.from_audio),
        st.just(InputAudioBufferCommitEvent()),
        st.just(InputAudioBufferClearEvent()),
        st.builds(_event, st.just("conversation.item.create"), item=messages),
        st.builds(_event, st.just("response.create"), response=_requests),
    ]
    if own_ids:
        verbs = st.sampled_from(["conversation.item.retrieve", "conversation.item.delete"])
        commands.append(st.builds(_event, verbs, item_id=st.sampled_from(own_ids)))
    return st.one_of(commands)


def _event(type_name: str, **fields: Any) -> RealtimeEvent:
    return RealtimeEvent.from_json({"type": type_name, **fields})


def _answer(pair: Pair) -> None:
    """Do what the server asks of its engines, so that nothing is under way when the next command comes."""
    while any(isinstance(command, Transcribe) for command in pair.commands):
        pair.transcribes("hello")
    while responses := [command for command in pair.commands if isinstance(command, Respond)]:
        pair.take(Respond)
        pair.responds("Hello.", response_id=responses[0].response_id)
        pair.finishes(response_id=responses[0].response_id)

"""Writes the page on states: each table as a diagram and, for screen readers, as a table. Then the events of the
client's core, with the parts that handle each.

python -m duologue.protocol.state_diagrams > docs/reference/states.md
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

from duologue.codec import EVENT_CLASSES
from duologue.protocol import states as tables
from duologue.protocol.client.core import EVENT_TABLE, ORDER
from duologue.protocol.media import speech_states

__all__ = ["TABLES", "states_page"]

_HEAD: Final = """\
# States

Generated from `duologue.protocol.states` and `duologue.protocol.media.speech_states` by
`python -m duologue.protocol.state_diagrams`. A transition that is not
drawn is illegal. What a peer sends at a wrong moment is ignored or rejected before it gets here, so an illegal
transition is a fault of the library. It changes nothing, and is logged once and counted: `IllegalTransition`.
"""

_TAKERS_HEAD: Final = """\
## Events in the client's core

Each part of `ConversationCore` declares the events that it handles. An event reaches the parts in this order; one that
is not listed changes nothing. A malformed event is only reported: `Unreadable`.
"""

_Table: TypeAlias = Mapping[Any, Enum]
"""By state and input, whose types differ from table to table."""

TABLES: Final[tuple[tuple[str, _Table, str], ...]] = (
    ("Connection", tables.CONNECTION, "client"),
    ("Order of responses", tables.SEQUENCE, "client"),
    ("Playback of one part", tables.PLAYBACK, "client"),
    ("Reconnecting", tables.RECONNECT, "client"),
    ("A Live session", tables.LIVE, "client"),
    ("The user's turn", tables.TURN, "server"),
    ("A response", tables.RESPONSE, "server"),
    ("The speech of a response in a call", speech_states.SPEECH, "server"),
    ("A Live session on the server", tables.LIVE_SERVER, "server"),
    ("The Responses model of a Live session", tables.BACKEND, "server"),
)
"""Title, table, and the side that keeps the state; in the order of the page."""


def states_page() -> str:
    """The whole page, as Markdown."""
    notes = _notes(inspect.getsource(tables)) | _notes(inspect.getsource(speech_states))
    sections = ("\n".join(_section(*entry, notes)) for entry in TABLES)
    return "\n".join([_HEAD, *sections, *_takers(), ""])


def _takers() -> Iterator[str]:
    yield _TAKERS_HEAD
    yield "| event | parts, in order |"
    yield "|---|---|"
    for name, event_class in EVENT_CLASSES.items():
        parts = dict.fromkeys(ORDER[place].__name__ for place, _ in EVENT_TABLE.get(event_class, ()))
        if parts:
            yield f"| `{name}` | {', '.join(parts)} |"


def _section(title: str, table: _Table, side: str, notes: Mapping[tuple[str, str], str]) -> Iterator[str]:
    states: type[Enum] = type(next(iter(table.values())))
    inputs: type[Enum] = type(next(iter(table))[1])
    yield f"## {title}\n"
    yield f"{inspect.getdoc(states)} Kept by the {side}.\n"
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in states:
        yield f'    state "{state.value}" as {_name(state)}'
    yield f"    [*] --> {_name(next(iter(states)))}"
    for (before, happened), after in table.items():
        yield f"    {_name(before)} --> {_name(after)}: {happened.value}"
    left = {before for before, _ in table}
    for state in states:
        if state not in left:
            yield f"    {_name(state)} --> [*]"
    yield "```\n"
    yield "| in | when | then |"
    yield "|---|---|---|"
    for (before, happened), after in table.items():
        yield f"| {before.value} | {happened.value} | {after.value} |"
    yield ""
    for kind in (states, inputs):
        for member in kind:
            if note := notes.get((kind.__name__, member.name)):
                yield f"- *{member.value}*: {note[0].lower()}{note[1:]}"
    yield ""


def _name(state: Enum) -> str:
    return state.name.lower()


def _notes(source: str) -> dict[tuple[str, str], str]:
    """The docstrings below the members of enumerations, by class and member."""
    notes: dict[tuple[str, str], str] = {}
    for definition in ast.parse(source).body:
        if not isinstance(definition, ast.ClassDef):
            continue
        for member, below in zip(definition.body, definition.body[1:], strict=False):
            match member, below:
                case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str() as text)):
                    notes[definition.name, name] = " ".join(text.split())
                case _:
                    pass  # a member without a docstring, or a method
    return notes


def _main(out: Any = sys.stdout) -> None:
    out.write(states_page())


if __name__ == "__main__":
    _main()

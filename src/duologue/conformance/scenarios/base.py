"""Scenarios, and the turns that they are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from duologue.conformance.scenario_context import Bench
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json, Message

__all__ = ["LONG", "Scenario", "Turn", "ask", "create", "finish", "item_ids", "message", "scenario"]

LONG: Final = "Count slowly from one to one hundred."
"""Asks for an answer that takes long enough to be interrupted."""

_Play: TypeAlias = Callable[[Bench], Awaitable[None]]


class Scenario(Struct, frozen=True):
    """Something that a client does, and the rules that it decides."""

    name: str
    decides: tuple[str, ...]
    play: _Play


def scenario(*decides: str) -> Callable[[_Play], Scenario]:
    """Makes a scenario of a coroutine function."""

    def make(play: _Play) -> Scenario:
        return Scenario(getattr(play, "__name__", "").replace("_", " ").strip(), decides, play)

    return make


class Turn(Struct, frozen=True):
    """A response, from its begin to its end."""

    created: Message
    done: Message
    messages: list[Message]
    """What is about it or its items."""

    @property
    def id(self) -> str:
        """Of the response."""
        return str(self.created.get("response.id"))

    @property
    def status(self) -> str:
        """How it ended."""
        return str(self.done.get("response.status"))

    def of(self, type: str) -> list[Message]:
        """Its messages of this type."""
        return [each for each in self.messages if each.type == type]


def message(text: str, *, role: str = "user", **more: Any) -> Json:
    """The event that creates a written item."""
    kind = "output_text" if role == "assistant" else "input_text"
    item: dict[str, Any] = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    if "id" in more:
        item["id"] = more.pop("id")
    return {"type": "conversation.item.create", "item": item, **more}


def create(**response: Any) -> Json:
    """The event that asks for a response."""
    return {"type": "response.create", **({"response": response} if response else {})}


async def ask(line: RawConnection, text: str, **response: Any) -> Message:
    """Write to the server and ask for a response; its response.created. Raises Violation.

    What the server says about the item is not waited for: a fault there is that of other rules.
    """
    await line.send(message(text))
    return await line.answer(create(**response), "response.created")


async def finish(line: RawConnection, created: Message) -> Turn:
    """Wait for the end of a response. Raises Violation."""
    id = str(created.get("response.id"))
    done = await line.until("response.done", about=[id])
    messages = line.about(id, *item_ids(line, id), since=created, upto=done)
    return Turn(created, done, messages)


def item_ids(line: RawConnection, response_id: str) -> list[str]:
    """Ids of the items that a response has begun."""
    added = line.trace.received("response.output_item.added")
    return [str(each.get("item.id")) for each in added if each.get("response_id") == response_id]

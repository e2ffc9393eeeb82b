"""What scenarios are made of: requests, and the responses to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from duologue.conformance.rulebook.rules import errors
from duologue.conformance.scenario_context import ScenarioContext
from duologue.conformance.wire.raw_connection import RawConnection
from duologue.conformance.wire.trace import Json, WireMessage

__all__ = ["LONG", "ResponseTrace", "Scenario", "ask", "create", "finish", "item_ids", "message", "provoke", "scenario"]

LONG: Final = "Count slowly from one to one hundred."
"""Asks for an answer that takes long enough to be interrupted."""

_Play: TypeAlias = Callable[[ScenarioContext], Awaitable[None]]


class Scenario(Struct, frozen=True):
    """A client's actions, and the rules that they decide."""

    name: str
    decides: tuple[str, ...]
    play: _Play


def scenario(*decides: str) -> Callable[[_Play], Scenario]:
    """Decorator: makes a scenario of a coroutine function; its name is the function's."""

    def make(play: _Play) -> Scenario:
        return Scenario(getattr(play, "__name__", "").replace("_", " ").strip(), decides, play)

    return make


class ResponseTrace(Struct, frozen=True):
    """The events of one response, from `response.created` to `response.done`."""

    created: WireMessage
    done: WireMessage
    messages: list[WireMessage]
    """Messages about the response or its items."""

    @property
    def id(self) -> str:
        """Id of the response."""
        return str(self.created.get("response.id"))

    @property
    def status(self) -> str:
        """Final status."""
        return str(self.done.get("response.status"))

    def of(self, type: str) -> list[WireMessage]:
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


async def ask(connection: RawConnection, text: str, **response: Any) -> WireMessage:
    """Send a text message and ask for a response; returns its response.created. Raises Violation.

    Events about the item are not waited for: other rules are about those.
    """
    await connection.send(message(text))
    return await connection.answer(create(**response), "response.created")


async def finish(connection: RawConnection, created: WireMessage) -> ResponseTrace:
    """Wait for the end of a response. Raises Violation."""
    id = str(created.get("response.id"))
    done = await connection.until("response.done", about=[id])
    messages = connection.about(id, *item_ids(connection, id), since=created, upto=done)
    return ResponseTrace(created, done, messages)


def item_ids(connection: RawConnection, response_id: str) -> list[str]:
    """Ids of the items that a response has added."""
    added = connection.trace.received("response.output_item.added")
    return [str(each.get("item.id")) for each in added if each.get("response_id") == response_id]


async def provoke(context: ScenarioContext, connection: RawConnection, rule_id: str) -> None:
    """Decide an error rule by the text of its `provoke`."""
    rule = errors(context.family)[rule_id]
    if rule.binary or not rule.provoke.startswith("{"):
        with context.deciding(rule_id):
            await connection.send_raw(rule.provoke.encode() if rule.binary else rule.provoke)
            await context.await_rejection(rule_id, connection)
    else:
        await context.expect_rejection(rule_id, connection, msgspec.json.decode(rule.provoke))

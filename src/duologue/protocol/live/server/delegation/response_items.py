"""Items that the application gives to the Responses model, until the next response reads them."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.errors import RefusedCommand
from duologue.protocol.server.account import MemoryAccount

__all__ = ["CallOutput", "ItemBuffer", "TypedMessage", "read_item"]

_ROLES: Final[dict[str, Literal["system", "user", "assistant"]]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}


class CallOutput(Struct, frozen=True):
    """What a function returned."""

    call_id: str
    output: str


class TypedMessage(Struct, frozen=True):
    """A message that was typed, and not spoken."""

    role: Literal["system", "user", "assistant"]
    text: str


class ItemBuffer:
    """The items of one session that wait for a `response.create`."""

    def __init__(self, account: MemoryAccount, limits: LiveDefaults) -> None:
        self._account = account
        self._limits = limits
        self._items: list[tuple[CallOutput | TypedMessage, int]] = []
        self._n_bytes = 0

    def add(self, item: CallOutput | TypedMessage, wire: dict[str, Any]) -> None:
        """One more. Raises RefusedCommand if it does not fit."""
        n_bytes = len(write_text(wire))
        limits = self._limits
        if len(self._items) >= limits.max_response_items or self._n_bytes + n_bytes > limits.max_response_bytes:
            raise RefusedCommand(
                "items_full", param="item", max_items=limits.max_response_items, max_bytes=limits.max_response_bytes
            )
        self._items.append((item, n_bytes))
        self._n_bytes += n_bytes
        self._account.change("responses", n_bytes)

    def take(self) -> list[CallOutput | TypedMessage]:
        """All of them, in order; none is left."""
        items = [item for item, _ in self._items]
        self._items.clear()
        self._account.change("responses", -self._n_bytes)
        self._n_bytes = 0
        return items

    def drop_outputs(self) -> None:
        """The calls were dropped: their outputs are of no use."""
        kept = [entry for entry in self._items if isinstance(entry[0], TypedMessage)]
        n_bytes = sum(size for _, size in kept)
        self._account.change("responses", n_bytes - self._n_bytes)
        self._items, self._n_bytes = kept, n_bytes


def read_item(item: dict[str, Any]) -> CallOutput | TypedMessage:
    """The input item of the Responses API that this is. Raises RefusedCommand."""
    kind = item.get("type", "message" if "role" in item else None)
    if kind is None:
        raise RefusedCommand("missing", param="item.type")
    if kind == "function_call_output":
        call_id = item.get("call_id")
        if not isinstance(call_id, str):
            raise RefusedCommand("missing", param="item.call_id")
        return CallOutput(call_id, _text(item.get("output"), "item.output"))
    if kind != "message":
        raise RefusedCommand("not_supported", param="item.type", value=f"an item of the type {str(kind)[:64]!r}")
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        reason = f"expected one of {', '.join(map(repr, _ROLES))}"
        raise RefusedCommand("wrong_value", param="item.role", reason=reason)
    return TypedMessage(_ROLES[role], _text(item.get("content"), "item.content"))


def _text(content: object, param: str) -> str:
    """The text of a string, or of a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise RefusedCommand("wrong_value", param=param, reason="expected a text, or a list of parts")
    texts: list[str] = []
    for index, part in enumerate(content):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        text = part.get("text") if isinstance(part, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(text, str):
            raise RefusedCommand("not_supported", param=f"{param}[{index}]", value="a part without text")
        texts.append(text)
    return " ".join(texts)

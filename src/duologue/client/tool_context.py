"""What functions of the model get from their conversation: the conversation itself, and the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from duologue.events import FunctionCallItem
from duologue.protocol.client.tools.calls import ToolCall
from duologue.protocol.client.tools.injection import Injectable

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    from duologue.client.asyncio.conversation import Conversation

    C = TypeVarWithDefault("C", default=Conversation)
else:
    C = TypeVar("C")

__all__ = ["InjectedValues", "ToolContext"]


class ToolContext(Injectable, Generic[C]):
    """A call of the model, passed to each parameter with this annotation; such a parameter is not in the schema.

    `ToolContext` alone has a `Conversation`. Write `ToolContext[BlockingConversation]` for the sync functions of a
    blocking conversation: they get that one.
    """

    __slots__ = ("call_id", "conversation", "item", "name", "response_id")

    def __init__(self, call: ToolCall, conversation: C) -> None:
        self.conversation: C = conversation
        self.call_id: str = call.call_id
        self.response_id: str = call.response_id
        """The response in which the model made the call."""
        self.name: str = call.name
        """The function, as the model called it."""
        self.item: FunctionCallItem = FunctionCallItem(
            id=call.item_id, call_id=call.call_id, name=call.name, arguments=call.arguments, status="completed"
        )
        """The item of the call, with its arguments as JSON text."""

    def __repr__(self) -> str:
        return f"ToolContext({self.name!r}, call_id={self.call_id!r})"


class InjectedValues:
    """The values of a conversation's functions that the model does not give."""

    def __init__(self, conversation: Injectable) -> None:
        self._conversations = [conversation]

    def add(self, facade: Injectable) -> None:
        """The same conversation for sync functions."""
        self._conversations.append(facade)

    def forget(self) -> None:
        """The conversation is over, and no function begins: let go of it, which refers to this object."""
        self._conversations.clear()

    def of(self, call: ToolCall) -> dict[str, Any]:
        """The values for a call, by parameter.

        Raises:
            TypeError: the function asks for a conversation of another kind.
        """
        function = call.bound.tool
        values: dict[str, Any] = {}
        for name, cls in function.injected.items():
            if cls is ToolContext:
                values[name] = ToolContext(call, self._conversations[0 if function.is_async else -1])
            else:
                values[name] = self._of_class(cls, parameter=f"{function.name}: parameter {name!r}")
        return values

    def _of_class(self, cls: type[Injectable], *, parameter: str) -> Injectable:
        for conversation in self._conversations:
            if isinstance(conversation, cls):
                return conversation
        known = " or ".join(type(each).__name__ for each in self._conversations)
        raise TypeError(f"{parameter} is a {cls.__name__}, but this conversation is a {known}: annotate that")

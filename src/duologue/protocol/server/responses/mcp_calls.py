"""Calls of MCP tools, and approval requests, as items of a response.

response.output_item.added, conversation.item.added     an mcp_call
response.mcp_call_arguments.delta, .done
response.mcp_call.in_progress
response.mcp_call.completed                             or failed
conversation.item.done, response.output_item.done       with the next item of the response, or its end

Where the user must approve a call, an approval request comes first, which is done at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from duologue.events import (
    McpApprovalRequestItem,
    McpCallError,
    McpCallItem,
    McpToolExecutionError,
    ResponseMcpCallArgumentsDeltaEvent,
    ResponseMcpCallArgumentsDoneEvent,
    ResponseMcpCallCompletedEvent,
    ResponseMcpCallFailedEvent,
    ResponseMcpCallInProgressEvent,
    ServerEvent,
)
from duologue.protocol.server.commands import McpCall
from duologue.protocol.server.conversation.items import Entry
from duologue.protocol.server.mcp_servers import McpOffer
from duologue.protocol.server.responses.output_items import OutputItem, Place

__all__ = ["OutputApprovalRequest", "OutputMcpCall"]


class OutputMcpCall(OutputItem):
    """A call of a tool, open until the next item, or the response's end."""

    def __init__(
        self, call: McpCall, place: Place, *, approval_request_id: str | None = None, new_id: Callable[[str], str]
    ) -> None:
        # Null and not absent: strict clients require the fields.
        item = McpCallItem(
            id=call.item_id,
            server_label=call.server.server_label,
            name=call.name,
            arguments=call.arguments,
            approval_request_id=approval_request_id,
            output=None,
            error=None,
        )
        super().__init__(Entry(item=msgspec.structs.replace(item, arguments="")), place, new_id=new_id)
        self._whole = item
        self.is_open: bool = True
        """Whether the tool has not answered yet."""
        self._progress: dict[str, Any] = {"item_id": call.item_id, "output_index": place.output_index}
        self.call = call

    @property
    def written(self) -> str:
        return self.call.name + self.call.arguments

    def open(self) -> Iterator[ServerEvent]:
        """Add the item and its arguments; the call starts."""
        yield from self._added()
        arguments = self.call.arguments
        if arguments:
            yield ResponseMcpCallArgumentsDeltaEvent(event_id=self._event_id(), delta=arguments, **self._where)
        yield ResponseMcpCallArgumentsDoneEvent(event_id=self._event_id(), arguments=arguments, **self._where)
        self.entry.item = self._whole
        yield ResponseMcpCallInProgressEvent(event_id=self._event_id(), **self._progress)

    def answer(self, result: str | McpCallError) -> Iterator[ServerEvent]:
        """The tool's output or error. The item is done later, because clients ask for a response once it is done."""
        self.is_open = False
        if isinstance(result, str):
            self.entry.item = msgspec.structs.replace(self._whole, output=result)
            yield ResponseMcpCallCompletedEvent(event_id=self._event_id(), **self._progress)
        else:
            self.entry.item = msgspec.structs.replace(self._whole, error=result)
            yield ResponseMcpCallFailedEvent(event_id=self._event_id(), **self._progress)

    def close(self, status: str) -> Iterator[ServerEvent]:
        if self.is_open:
            yield from self.answer(McpToolExecutionError(message="the response ended before the tool had answered"))
        yield from self._done()


class OutputApprovalRequest(OutputItem):
    """Asks the user to approve a call."""

    def __init__(
        self, item_id: str, place: Place, *, offer: McpOffer, arguments: str, new_id: Callable[[str], str]
    ) -> None:
        self._item = McpApprovalRequestItem(
            id=item_id, server_label=offer.server.server_label, name=offer.tool.name, arguments=arguments
        )
        super().__init__(Entry(item=self._item), place, new_id=new_id)

    @property
    def written(self) -> str:
        return self._item.name + self._item.arguments

    def open(self) -> Iterator[ServerEvent]:
        """Add the whole item."""
        yield from self._added()

    def close(self, status: str) -> Iterator[ServerEvent]:
        yield from self._done()

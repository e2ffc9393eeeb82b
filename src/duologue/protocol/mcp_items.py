"""What a response does with the tools of MCP servers, as items of it.

response.output_item.added, conversation.item.added     an mcp_call
response.mcp_call_arguments.delta, .done
response.mcp_call.in_progress
response.mcp_call.completed                             or failed
conversation.item.done, response.output_item.done

Where the user must allow a call, the item asks for that, and is done at once.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    is_set,
)
from duologue.protocol.commands import McpCall
from duologue.protocol.conversation import Entry
from duologue.protocol.mcp_servers import McpOffer
from duologue.protocol.output_items import OutputItem

__all__ = ["OutputApprovalRequest", "OutputMcpCall"]


class OutputMcpCall(OutputItem):
    """A call of a tool, open until what it returned is reported."""

    def __init__(self, call: McpCall, *, approval_request_id: str | None = None, **place: Any) -> None:
        item = McpCallItem(
            id=call.item_id, server_label=call.server.server_label, name=call.name, arguments=call.arguments
        )
        if approval_request_id is not None:
            item = msgspec.structs.replace(item, approval_request_id=approval_request_id)
        super().__init__(Entry(item=msgspec.structs.replace(item, arguments="")), **place)
        self._result = item
        self._progress: dict[str, Any] = {"item_id": call.item_id, "output_index": self._where["output_index"]}
        self.call = call

    @property
    def written(self) -> str:
        return self.call.name + self.call.arguments

    def open(self) -> Iterator[ServerEvent]:
        """The item appears, its arguments after it, and the call begins."""
        yield from self._added()
        arguments = self.call.arguments
        if arguments:
            yield ResponseMcpCallArgumentsDeltaEvent(event_id=self._event_id(), delta=arguments, **self._where)
        yield ResponseMcpCallArgumentsDoneEvent(event_id=self._event_id(), arguments=arguments, **self._where)
        yield ResponseMcpCallInProgressEvent(event_id=self._event_id(), **self._progress)

    def answered(self, result: str | McpCallError) -> None:
        """What the tool returned, or why it did not."""
        if isinstance(result, str):
            self._result = msgspec.structs.replace(self._result, output=result)
        else:
            self._result = msgspec.structs.replace(self._result, error=result)

    def close(self, status: str) -> Iterator[ServerEvent]:
        if not is_set(self._result.output) and not is_set(self._result.error):
            self.answered(McpToolExecutionError(message="the response ended before the tool had answered"))
        self.entry.item = self._result
        ended = ResponseMcpCallCompletedEvent if is_set(self._result.output) else ResponseMcpCallFailedEvent
        yield ended(event_id=self._event_id(), **self._progress)
        yield from self._done()


class OutputApprovalRequest(OutputItem):
    """Asks the user to allow a call."""

    def __init__(self, item_id: str, offer: McpOffer, arguments: str, **place: Any) -> None:
        self._item = McpApprovalRequestItem(
            id=item_id, server_label=offer.server.server_label, name=offer.tool.name, arguments=arguments
        )
        super().__init__(Entry(item=self._item), **place)

    @property
    def written(self) -> str:
        return self._item.name + self._item.arguments

    def open(self) -> Iterator[ServerEvent]:
        """The item appears, whole."""
        yield from self._added()

    def close(self, status: str) -> Iterator[ServerEvent]:
        yield from self._done()

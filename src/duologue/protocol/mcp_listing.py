"""What becomes of MCP servers that a session offers as tools: the truth, which is that nobody asks them.

conversation.item.added      an mcp_list_tools item without tools
mcp_list_tools.in_progress
mcp_list_tools.failed
conversation.item.done
"""

from __future__ import annotations

from typing import Any

from duologue.events import (
    ConversationItemAddedEvent,
    ConversationItemDoneEvent,
    McpListToolsFailedEvent,
    McpListToolsInProgressEvent,
    McpListToolsItem,
    McpServerTool,
)
from duologue.protocol.conversation import Conversation, Entry
from duologue.protocol.outgoing import Outgoing

__all__ = ["McpListing"]


class McpListing:
    """Reports that an MCP server's tools cannot be listed, once for each server as it is described."""

    def __init__(self, conversation: Conversation, outgoing: Outgoing) -> None:
        self._conversation = conversation
        self._out = outgoing
        self._told: dict[str, McpServerTool] = {}

    def list_tools(self, tools: Any) -> None:
        """Take note of the tools that a session or a response has now."""
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, McpServerTool) and self._told.get(tool.server_label) != tool:
                self._told[tool.server_label] = tool
                self._fail(tool.server_label)

    def _fail(self, server_label: str) -> None:
        item = McpListToolsItem(id=self._out.new_id("item"), server_label=server_label, tools=[])
        entry = Entry(item=item)
        self._conversation.insert(entry)
        before = self._conversation.predecessor_id(entry.item_id)
        new_id = self._out.event_id
        self._out.send(
            ConversationItemAddedEvent(event_id=new_id(), previous_item_id=before, item=item),
            McpListToolsInProgressEvent(event_id=new_id(), item_id=entry.item_id),
            McpListToolsFailedEvent(event_id=new_id(), item_id=entry.item_id),
            ConversationItemDoneEvent(event_id=new_id(), previous_item_id=before, item=item),
        )

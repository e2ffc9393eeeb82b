"""The MCP servers among a session's tools, and the tools that each has listed.

conversation.item.added       an mcp_list_tools item without tools
mcp_list_tools.in_progress
mcp_list_tools.completed      or failed
conversation.item.done        the item with its tools
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.events import (
    ConversationItemAddedEvent,
    ConversationItemDoneEvent,
    McpApprovalFilter,
    McpListToolsCompletedEvent,
    McpListToolsFailedEvent,
    McpListToolsInProgressEvent,
    McpListToolsItem,
    McpServerTool,
    McpTool,
    McpToolFilter,
    is_set,
)
from duologue.protocol.server.commands import ListMcpTools
from duologue.protocol.server.conversation.items import ConversationItems, Entry
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.outgoing import Outgoing

__all__ = ["McpOffer", "McpServers"]

_MAX_SERVERS: Final = 16
"""Each takes a connection, and its tools a part of the context window; models choose badly among too many tools."""


class McpOffer(Struct, frozen=True):
    """A tool that a response can use, and its server."""

    server: McpServerTool
    tool: McpTool

    @property
    def needs_approval(self) -> bool:
        """Whether the user must approve each call; the default is that they must."""
        match self.server.require_approval:
            case McpApprovalFilter(always=always, never=never):
                exempt = is_set(never) and _matches(never, self.tool)
                return not exempt and (not is_set(always) or _matches(always, self.tool))
            case policy:
                return policy != "never"


class McpServers:
    """Lists the tools of each server, once, and again when its description changes."""

    def __init__(self, conversation: ConversationItems, outgoing: Outgoing, *, max_items: int) -> None:
        self._max_items = max_items
        self._conversation = conversation
        self._out = outgoing
        self._of_session: list[McpServerTool] = []
        self._described: dict[str, McpServerTool] = {}
        self._asked: dict[str, tuple[Entry, McpServerTool]] = {}
        self._tools: dict[str, tuple[McpTool, ...]] = {}
        """By server label, for servers that have been listed."""

    def check(self, tools: Any, root: str) -> None:
        """Raise InvalidRequest for more servers than a session may have, or than the conversation has room for."""
        servers = list(_servers_in(tools))
        if len(servers) > _MAX_SERVERS:
            raise InvalidRequest("too_many_servers", param=f"{root}.tools", max=_MAX_SERVERS)
        new = [server for server in servers if self._described.get(server.server_label) != server]
        if new and len(self._conversation) + len(new) > self._max_items:
            raise InvalidRequest("conversation_full", param=f"{root}.tools", max=self._max_items)

    def session_updated(self, tools: Any) -> list[McpServerTool]:
        """The session has these tools now. Returns the servers that it no longer has; their tools are forgotten."""
        before, self._of_session = self._of_session, list(_servers_in(tools))
        gone = [server for server in before if server not in self._of_session]
        for server in gone:
            if self._described.get(server.server_label) == server:
                self._forget(server.server_label)
        self.list_tools(tools)
        return gone

    def _forget(self, label: str) -> None:
        del self._described[label]
        self._tools.pop(label, None)

    def list_tools(self, tools: Any) -> None:
        """List the new servers among a session's or a response's tools; forget the oldest of those that neither has."""
        kept = {server.server_label for tool_list in (self._of_session, _servers_in(tools)) for server in tool_list}
        for label in [label for label in self._described if label not in kept][: -_MAX_SERVERS or None]:
            self._forget(label)
        for server in _servers_in(tools):
            if self._described.get(server.server_label) != server:
                self._described[server.server_label] = server
                self._tools.pop(server.server_label, None)
                self._ask(server)

    def listed(self, item_id: str, tools: Sequence[McpTool]) -> None:
        """Answers `ListMcpTools`: the server's tools."""
        if (asked := self._asked.pop(item_id, None)) is None:
            return
        entry, server = asked
        allowed = tuple(tool for tool in tools if _allows(server, tool))
        if not self._conversation.fits(allowed):
            self._failed(entry)
            return
        if self._described.get(server.server_label) == server:
            self._tools[server.server_label] = allowed
        entry.item = msgspec.structs.replace(entry.item, tools=list(allowed))
        self._out.send(McpListToolsCompletedEvent(event_id=self._out.event_id(), item_id=item_id))
        self._done(entry)

    def failed(self, item_id: str) -> None:
        """Answers `ListMcpTools`: listing failed. It is tried again when the server's description changes."""
        if (asked := self._asked.pop(item_id, None)) is not None:
            self._failed(asked[0])

    def _failed(self, entry: Entry) -> None:
        self._out.send(McpListToolsFailedEvent(event_id=self._out.event_id(), item_id=entry.item_id))
        self._done(entry)

    def offered(self, tools: Any) -> tuple[McpOffer, ...]:
        """The MCP tools that a session or a response with these `tools` can use, of servers that have been listed."""
        return tuple(
            McpOffer(server, tool)
            for server in _servers_in(tools)
            if self._described.get(server.server_label) == server
            for tool in self._tools.get(server.server_label, ())
        )

    def _ask(self, server: McpServerTool) -> None:
        item = McpListToolsItem(id=self._out.new_id("item"), server_label=server.server_label, tools=[])
        entry = Entry(item=item)
        self._conversation.insert(entry)
        self._asked[entry.item_id] = (entry, server)
        before = self._conversation.predecessor_id(entry.item_id)
        self._out.send(
            ConversationItemAddedEvent(event_id=self._out.event_id(), previous_item_id=before, item=item),
            McpListToolsInProgressEvent(event_id=self._out.event_id(), item_id=entry.item_id),
        )
        self._out.command(ListMcpTools(entry.item_id, server))

    def _done(self, entry: Entry) -> None:
        self._conversation.recount(entry)
        if self._conversation.get(entry.item_id) is entry:  # unless it was deleted meanwhile
            before = self._conversation.predecessor_id(entry.item_id)
            self._out.send(
                ConversationItemDoneEvent(event_id=self._out.event_id(), previous_item_id=before, item=entry.item)
            )


def _servers_in(tools: Any) -> Iterator[McpServerTool]:
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, McpServerTool):
            yield tool


def _allows(server: McpServerTool, tool: McpTool) -> bool:
    match server.allowed_tools:
        case list() as names:
            return tool.name in names
        case McpToolFilter() as wanted:
            return _matches(wanted, tool)
        case _:
            return True


def _matches(wanted: McpToolFilter, tool: McpTool) -> bool:
    hints = tool.annotations if isinstance(tool.annotations, dict) else {}
    named = not is_set(wanted.tool_names) or tool.name in wanted.tool_names
    return named and (not is_set(wanted.read_only) or (hints.get("readOnlyHint") is True) == wanted.read_only)

"""A configuration that an upstream has to take before the client hears of its session: that of a client secret."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET

from duologue.codec import Translation, decode
from duologue.codec.jsontext import parse_object, write_text
from duologue.dialects import Profile
from duologue.dialects.places import Json
from duologue.errors import ConnectFailed, DecodeError
from duologue.events import McpServerTool, RealtimeSessionConfig, SessionUpdateEvent
from duologue.server.relay.upstream import UpstreamSide

__all__ = ["UpstreamConfiguration", "without_keys"]

_MAX_HELD: Final = 64
"""Messages between a session's announcement and the answer to its first update: one or two are usual."""

_SIGNS: Final = (*McpServerTool.secret_fields, "server_url")
_CONFIGURED: Final = ("session", "response")
"""What has tools in an upstream's messages."""


class UpstreamConfiguration:
    """Sends one upstream the configuration, and holds the announcement of the session back until it is accepted."""

    def __init__(self, configuration: str, side: UpstreamSide, profile: Profile) -> None:
        """`configuration` is a canonical `session.update`.

        Raises:
            ConnectFailed: the upstream has no such event.
        """
        update = decode(configuration)
        assert isinstance(update, SessionUpdateEvent), "it was read when its secret was made"
        if isinstance(update.session, RealtimeSessionConfig):
            # The connection has been opened for it, and to change it is refused.
            update = msgspec.structs.replace(update, session=msgspec.structs.replace(update.session, model=UNSET))
        self.translation: Translation = side.configure(update)
        if self.translation.frame is None:
            raise ConnectFailed("the upstream has no way to configure its sessions", retryable=False)
        self.text = write_text(self.translation.frame).decode("utf-8")
        """What is to be sent before anything else."""
        self._profile = profile
        self._created: Json | None = None
        self._held: list[str | bytes] = []
        self._answered = "session.updated" in profile.lacks_events
        self.refused = False
        """Whether the upstream has refused it, or has not said that it took it; there is no session then."""

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """A message of the upstream's; returns what is sent to the client now."""
        if self._answered:
            return [_without_keys_in(message)]
        try:
            frame = parse_object(message)
        except DecodeError:
            return self._hold(message)
        name = frame.get("type")
        match self._profile.canonical(name) if isinstance(name, str) else None:
            case "session.created" if self._created is None:
                self._created = frame
                return []
            case "session.updated" if self._created is not None:
                self._answered = True
                announced = {**self._created, "session": without_keys(frame.get("session"))}
                return [write_text(announced).decode("utf-8"), *map(_without_keys_in, self._held)]
            case "error" if self._created is None:
                return [message]  # there is no session, for another reason
            case "error":
                # The update was the first that was said: nothing else can have been answered.
                self._answered = self.refused = True
                return [message]
            case _:
                return self._hold(message)

    def _hold(self, message: str | bytes) -> list[str | bytes]:
        self._held.append(message)
        if len(self._held) > _MAX_HELD:
            self._answered = self.refused = True
        return []


def _without_keys_in(message: str | bytes) -> str | bytes:
    """An upstream's message as the client may see it: later announcements repeat what the session was made with."""
    if isinstance(message, bytes) or '"mcp"' not in message or not any(name in message for name in _SIGNS):
        return message
    try:
        frame = parse_object(message)
    except DecodeError:
        return message
    shown = {name: without_keys(value) if name in _CONFIGURED else value for name, value in frame.items()}
    return message if shown == frame else write_text(shown).decode("utf-8")


def without_keys(session: Any) -> Any:
    """A session's JSON as its client may see it: the keys of MCP servers are its backend's."""
    if not isinstance(session, dict) or not isinstance(session.get("tools"), list):
        return session
    tools = [
        McpServerTool.shown(tool) if isinstance(tool, dict) and tool.get("type") == "mcp" else tool
        for tool in session["tools"]
    ]
    return {**session, "tools": tools}

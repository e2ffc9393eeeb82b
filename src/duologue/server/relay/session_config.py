"""The configuration of a client secret: the upstream must accept it before the client gets `session.created`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET

from duologue.codec import decode
from duologue.codec.jsontext import parse_object, write_text
from duologue.dialects import Profile
from duologue.dialects.places import Json
from duologue.errors import ConnectFailed, DecodeError
from duologue.events import McpServerTool, RealtimeSessionConfig, SessionUpdateEvent
from duologue.server.relay.upstream import UpstreamSide

__all__ = ["UpstreamConfiguration", "without_keys"]

_MAX_HELD: Final = 64
"""Messages between `session.created` and the answer to the first update: one or two are usual."""

_SECRET_FIELDS: Final = (*McpServerTool.secret_fields, "server_url")
_CONFIGURED: Final = ("session", "response")
"""Fields of an upstream's messages that have tools."""


class UpstreamConfiguration:
    """Configures one upstream's session, and holds `session.created` back until the configuration is accepted."""

    def __init__(self, configuration: str, side: UpstreamSide | None, profile: Profile) -> None:
        """`configuration` is a canonical `session.update`; without a `side`, one that the upstream gets as it is.

        Raises:
            ConnectFailed: the upstream has no such event.
        """
        self._profile = profile
        self._created: Json | None = None
        self._held: list[str | bytes] = []
        self._answered = "session.updated" in profile.lacks_events
        self.rejected: bool = False
        """Whether the upstream has rejected the configuration, or not answered it; then there is no session."""
        self.lost: tuple[str, ...] = ()
        """What the upstream has no counterpart for."""
        self.text: str = configuration
        """The upstream's first message."""
        if side is not None:
            self._translate(configuration, side)

    def _translate(self, configuration: str, side: UpstreamSide) -> None:
        update = decode(configuration)
        assert isinstance(update, SessionUpdateEvent), "it was decoded when its secret was made"
        if isinstance(update.session, RealtimeSessionConfig):
            # The connection was opened for this model; changing it is rejected.
            update = msgspec.structs.replace(update, session=msgspec.structs.replace(update.session, model=UNSET))
        translation = side.configure(update)
        if translation.frame is None:
            raise ConnectFailed("the upstream has no way to configure its sessions", retryable=False)
        self.text, self.lost = write_text(translation.frame).decode("utf-8"), translation.lost

    def receive(self, message: str | bytes) -> list[str | bytes]:
        """Take a message of the upstream; returns the messages for the client."""
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
                return [message]  # the upstream has no session, for another reason
            case "error":
                # The update was the first message: the error can answer nothing else.
                self._answered = self.rejected = True
                return [message]
            case _:
                return self._hold(message)

    def _hold(self, message: str | bytes) -> list[str | bytes]:
        self._held.append(message)
        if len(self._held) > _MAX_HELD:
            self._answered = self.rejected = True
        return []


def _without_keys_in(message: str | bytes) -> str | bytes:
    """The message without keys: later messages repeat the configuration of the session."""
    if isinstance(message, bytes) or '"mcp"' not in message or not any(name in message for name in _SECRET_FIELDS):
        return message
    try:
        frame = parse_object(message)
    except DecodeError:
        return message
    shown = {name: without_keys(value) if name in _CONFIGURED else value for name, value in frame.items()}
    return message if shown == frame else write_text(shown).decode("utf-8")


def without_keys(session: Any) -> Any:
    """A session's JSON without the keys of MCP servers, which belong to the backend that made the secret."""
    if not isinstance(session, dict) or not isinstance(session.get("tools"), list):
        return session
    tools = [
        McpServerTool.shown(tool) if isinstance(tool, dict) and tool.get("type") == "mcp" else tool
        for tool in session["tools"]
    ]
    return {**session, "tools": tools}

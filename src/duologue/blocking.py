"""The client for programs without an event loop, by the name that it is known by: see `duologue.client.blocking`."""

from __future__ import annotations

from duologue.client.blocking import (
    BlockingConnection,
    BlockingConversation,
    BlockingNoticeStream,
    client_secret,
    connect,
    converse,
)

__all__ = ["BlockingConnection", "BlockingConversation", "BlockingNoticeStream", "client_secret", "connect", "converse"]

"""The client for programs without an event loop; `duologue.client.blocking` by the name that programs know it under."""

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

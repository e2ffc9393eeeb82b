"""The client for programs without an event loop: the public name of `duologue.client.blocking`."""

from __future__ import annotations

from duologue.client.blocking import (
    BlockingConnection,
    BlockingConversation,
    BlockingListening,
    BlockingNoticeStream,
    BlockingPlayback,
    client_secret,
    connect,
    converse,
)

__all__ = [
    "BlockingConnection",
    "BlockingConversation",
    "BlockingListening",
    "BlockingNoticeStream",
    "BlockingPlayback",
    "client_secret",
    "connect",
    "converse",
]

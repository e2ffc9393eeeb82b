"""The client for programs without an event loop: the asyncio client in a thread, with a `timeout` for each wait."""

from __future__ import annotations

from duologue.client.blocking.connect import connect
from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.conversation import BlockingConversation
from duologue.client.blocking.converse import converse
from duologue.client.blocking.sound import BlockingListening, BlockingPlayback
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.client_secrets import ask_client_secret as client_secret

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

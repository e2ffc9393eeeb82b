"""The client for programs without an event loop: the same core and the same verbs, each wait with a time limit."""

from __future__ import annotations

from duologue.client.blocking.connect import connect
from duologue.client.blocking.connection import BlockingConnection
from duologue.client.blocking.conversation import BlockingConversation, converse
from duologue.client.blocking.streams import BlockingNoticeStream

__all__ = ["BlockingConnection", "BlockingConversation", "BlockingNoticeStream", "connect", "converse"]

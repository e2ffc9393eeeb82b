"""The client: sessions and conversations over any transport, with typed events in both directions."""

from __future__ import annotations

from duologue.client.answers import Answer
from duologue.client.asyncio.connect import connect
from duologue.client.asyncio.connection import Connection
from duologue.client.asyncio.conversation import Conversation
from duologue.client.asyncio.converse import converse
from duologue.client.client_secrets import ClientSecret, client_secret
from duologue.client.endpoint import Endpoint
from duologue.client.hanging_up import hang_up

__all__ = [
    "Answer",
    "ClientSecret",
    "Connection",
    "Conversation",
    "Endpoint",
    "client_secret",
    "connect",
    "converse",
    "hang_up",
]

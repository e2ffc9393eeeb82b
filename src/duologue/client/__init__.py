"""The client: a session over any transport, with typed events both ways."""

from __future__ import annotations

from duologue.client.client_secrets import ClientSecret, client_secret
from duologue.client.connect import connect
from duologue.client.connection import Connection
from duologue.client.endpoint import Endpoint

__all__ = ["ClientSecret", "Connection", "Endpoint", "client_secret", "connect"]

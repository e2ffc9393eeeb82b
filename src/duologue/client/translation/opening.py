"""Opens the WebSocket of a translation session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TypeAlias

from duologue.client.asyncio.connect import open_endpoint
from duologue.client.asyncio.family_connection import FamilyConnection
from duologue.client.asyncio.loop_lag import watched_loop
from duologue.client.endpoint import Endpoint
from duologue.client.logs.connection_log import log_refused
from duologue.client.translation.urls import translation_endpoint
from duologue.clock import loop_time
from duologue.codec import decode_translation, encode_translation
from duologue.dialects import DEFAULT_DIALECT
from duologue.errors import ConnectFailed
from duologue.events import AnyTranslationClientEvent, AnyTranslationEvent, UnknownTranslationEvent
from duologue.transports import Transport
from duologue.transports.addresses import without_secrets

__all__ = ["OpenTranslation", "TranslationConnection", "connection_over", "open_translation"]

TranslationConnection: TypeAlias = FamilyConnection[AnyTranslationEvent, AnyTranslationClientEvent]

OpenTranslation: TypeAlias = Callable[[], AbstractAsyncContextManager[TranslationConnection]]
"""Opens a WebSocket for the length of a block."""


def connection_over(transport: Transport, *, place: str | None = None) -> TranslationConnection:
    """A connection over a transport that is open. `place` is for the log."""
    return FamilyConnection(
        transport,
        decode=decode_translation,
        unreadable=lambda problem: UnknownTranslationEvent(json={}, problem=problem),
        encode=encode_translation,
        place=place,
        dialect=DEFAULT_DIALECT,
    )


@asynccontextmanager
async def open_translation(
    endpoint: Endpoint, transport: Transport | None = None
) -> AsyncGenerator[TranslationConnection, None]:
    """Open a WebSocket to an endpoint for the length of a block, or use a transport that is open.

    Raises:
        ConnectFailed: it could not be opened; `.retryable` says whether another try can help.
        AuthenticationFailed, ModelNotFound: kinds of ConnectFailed, where the handshake already shows them.
        ValueError: there is no such dialect.
    """
    began_at = loop_time()
    place = None
    if transport is None:
        endpoint = translation_endpoint(endpoint)
        place = without_secrets(endpoint.session_url())
        try:
            transport = await open_endpoint(endpoint)
        except ConnectFailed as fault:
            log_refused(place, fault, connecting_s=loop_time() - began_at)
            # What it went through on the way up says nothing to the caller.
            raise fault.with_traceback(None) from None
    connection = connection_over(transport, place=place)
    connection.log.opened(connection.dialect, connecting_s=loop_time() - began_at)
    with watched_loop(late_ms=endpoint.loop_lag_ms) if endpoint.loop_lag_ms is not None else nullcontext():
        try:
            yield connection
        finally:
            await connection.close()

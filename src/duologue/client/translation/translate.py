"""Opens translation sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from duologue.client.auth import Auth
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.endpoint_options import endpoint_from, require_url
from duologue.client.translation.client_secrets import TRANSLATION_MODEL
from duologue.client.translation.opening import open_translation
from duologue.client.translation.session import SpeechTranslation
from duologue.client.translation.settings import TranslationConfigInput, translation_config
from duologue.transports import Transport
from duologue.transports.socket_options import (
    ENVIRONMENT,
    MAX_MESSAGE_BYTES,
    OPEN_TIMEOUT_S,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
)

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["translate"]


@asynccontextmanager
async def translate(
    url: str | Endpoint = "",
    *,
    model: str | None = None,
    language: str | None = None,
    transcription: str | UnsetType | None = UNSET,
    noise_reduction: str | UnsetType | None = UNSET,
    session: TranslationConfigInput | None = None,
    api_key: str | None = None,
    dialect: str = AUTO,
    auth: Auth | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    open_timeout: float = OPEN_TIMEOUT_S,
    ping_interval: float | None = PING_INTERVAL_S,
    ping_timeout: float = PING_TIMEOUT_S,
    loop_lag_ms: int | None = None,
    transport: Transport | None = None,
) -> AsyncGenerator[SpeechTranslation, None]:
    """A session that translates speech, with the server at `url`, for the length of an `async with` block.

    `url` is that of `duologue.connect`: a base URL, or that of Realtime sessions, gets the path of translations.
    `model` is "gpt-realtime-translate" by default. `language` is the one to translate into, as a tag ("es", "pt-BR");
    `transcription` names the model that also writes the source speech down, and `noise_reduction` the kind of
    microphone, "near_field" or "far_field". `session` is the whole configuration in their place. The other keywords are
    those of `duologue.connect`; a `transport` is used as it is, and nothing is opened.

    Leaving the block takes the rest of the translation and ends the session, as `SpeechTranslation.finish` does; at
    once if an exception leaves it. No task is left running.

    Raises:
        AuthenticationFailed: the server does not accept the key.
        ModelNotFound: the server has no such model.
        ConnectFailed: no session was opened for another reason; `.retryable` says whether another try can help.
        RequestRejected: the server refused the configuration; `.error` is its answer.
        LocalProtocolError: `session` is no configuration.
        TypeError: neither a URL nor a `transport`, or an `Endpoint` and another keyword of its parts.
    """
    endpoint = endpoint_from(
        url,
        model=model,
        api_key=api_key,
        dialect=dialect,
        auth=auth,
        headers=headers,
        query=query,
        call_id=None,
        intent=None,
        ssl=ssl,
        proxy=proxy,
        max_message_bytes=max_message_bytes,
        open_timeout=open_timeout,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        loop_lag_ms=loop_lag_ms,
    )
    if transport is None:
        require_url(endpoint, function="translate", instead="transport")
    if endpoint.model is None:
        endpoint = replace(endpoint, model=TRANSLATION_MODEL)
    config = translation_config(
        session, language=language, transcription=transcription, noise_reduction=noise_reduction
    )
    translation = SpeechTranslation(partial(open_translation, endpoint, transport))
    try:
        await translation.start(config)
        yield translation
        await translation.close()
    finally:
        await translation.close(at_once=True)

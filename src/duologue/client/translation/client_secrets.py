"""Short-lived keys for one translation session, for browsers and apps that must not hold the real key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from duologue.client.client_secrets import SECRET_TIMEOUT_S, ask_secret
from duologue.client.endpoint import Endpoint
from duologue.client.translation.settings import TranslationConfigInput, translation_config
from duologue.client.translation.urls import translation_endpoint
from duologue.events import (
    TranslationEvent,
    TranslationSession,
    TranslationSessionCreatedEvent,
    TranslationSessionUpdateEvent,
)
from duologue.transports.own_loop import run_on_own_loop
from duologue.transports.socket_options import ENVIRONMENT

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["TRANSLATION_MODEL", "TranslationSecret", "ask_translation_secret", "translation_secret"]

TRANSLATION_MODEL: Final = "gpt-realtime-translate"
"""The hosted service's model for translations."""


class TranslationSecret(Struct, frozen=True, kw_only=True):
    """A key that opens one translation session and then, or soon, expires. Its repr does not show it."""

    value: str
    """The key, which the client passes to `translate` as `api_key`."""
    expires_at: int
    """In Unix seconds."""
    session: TranslationSession | None = None
    """The session that it opens, as the server reported it."""

    def __repr__(self) -> str:
        return f"TranslationSecret(value='…', expires_at={self.expires_at})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:  # type: ignore[override]  # rich takes any iterable
        yield "value", "…"
        yield "expires_at", self.expires_at


async def translation_secret(
    url: str,
    *,
    api_key: str,
    model: str = TRANSLATION_MODEL,
    session: TranslationConfigInput | None = None,
    language: str | None = None,
    expires_after: int | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = SECRET_TIMEOUT_S,
) -> TranslationSecret:
    """Ask the server at `url`, which is the URL for `translate`, for a key that opens one session with these settings.

    `language` is the one to translate into, or `session` the whole configuration. `expires_after` is how long the key
    can open a session, in seconds; None: the server's default. `timeout` is in seconds. The real key is sent over HTTPS
    only, or to this machine; redirects are not followed. Cancelling closes the connection.

    Raises:
        ConnectFailed: there is no key; `.retryable` says whether another try can help.
        AuthenticationFailed: the server does not accept `api_key`.
        LocalProtocolError: `session` is no configuration.
    """
    config = translation_config(session, language=language)
    settings = TranslationSessionUpdateEvent(session=config).to_json()["session"] if config is not None else {}
    body: dict[str, Any] = {"session": {"model": model, **settings}}
    if expires_after is not None:
        body["expires_after"] = {"anchor": "created_at", "seconds": expires_after}
    endpoint = translation_endpoint(Endpoint(url=url, api_key=api_key))
    answer = await ask_secret(endpoint, body, ssl=ssl, proxy=proxy, timeout=timeout)
    event = TranslationEvent.from_json({"type": "session.created", "event_id": "", "session": answer.session})
    created = event.session if isinstance(event, TranslationSessionCreatedEvent) else None
    return TranslationSecret(
        value=answer.value,
        expires_at=answer.expires_at,
        session=created if isinstance(created, TranslationSession) else None,
    )


def ask_translation_secret(
    url: str,
    *,
    api_key: str,
    model: str = TRANSLATION_MODEL,
    session: TranslationConfigInput | None = None,
    language: str | None = None,
    expires_after: int | None = None,
    ssl: SSLContext | None = None,
    proxy: str | None = ENVIRONMENT,
    timeout: float = SECRET_TIMEOUT_S,
) -> TranslationSecret:
    """`translation_secret` for threads, which `duologue.blocking.translation_secret` is. Raises as that does."""
    return run_on_own_loop(
        translation_secret(
            url,
            api_key=api_key,
            model=model,
            session=session,
            language=language,
            expires_after=expires_after,
            ssl=ssl,
            proxy=proxy,
            timeout=timeout,
        )
    )

"""The page of an application to which OpenAI posts its webhooks: an ASGI application for one route."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from duologue.errors import SignatureRejected
from duologue.printable import printable_name
from duologue.telephony.signatures import SeenIds, sign_webhook
from duologue.telephony.sip.incoming import MAX_WEBHOOK_BYTES, CallIncoming, IncomingWebhook, UnknownWebhook
from duologue.telephony.sip.webhooks import read_webhook
from duologue.transports.asgi import ASGIReceive, ASGISend, Scope

__all__ = ["OnCall", "WebhookApp"]

OnCall: TypeAlias = Callable[[CallIncoming], Awaitable[object]]
"""Handles one call from its ringing to its end."""

_logger = logging.getLogger(__name__)

_ALLOW: Final = (b"allow", b"POST")


class WebhookApp:
    """Answers webhooks, and has `on_call` handle each ringing call, once:

        app = Starlette(routes=[Route("/openai", sip.WebhookApp(answer, secret=SECRET), methods=["POST"])])

    Answers 200 before `on_call` runs, as a carrier does not wait; 400 for what is not signed with the secret, without a
    word on the reason; 413 and 405 for what is no webhook. `on_call` runs within the request, as background tasks do:
    the server that runs the application ends it. An exception of it is logged, and the call rings on until the service
    gives it up. Other webhooks go to `on_other`.
    """

    def __init__(
        self,
        on_call: OnCall,
        *,
        secret: str,
        on_other: Callable[[IncomingWebhook], Awaitable[object]] | None = None,
        seen: SeenIds | None = None,
    ) -> None:
        """`seen` is for applications that have several of these. Raises ValueError: the secret is none."""
        sign_webhook("", "0", b"", secret=secret)  # a wrong one is told now, and not by the first call
        self._on_call = on_call
        self._on_other = on_other
        self._secret = secret
        self._seen = seen or SeenIds()

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point, for HTTP."""
        if scope["type"] != "http":
            raise ValueError(f"webhooks come by HTTP; this route was asked for {scope['type']}")
        if scope["method"] != "POST":
            await _answer(send, 405, _ALLOW)
            return
        body = await _body(receive)
        if body is None:
            await _answer(send, 413)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            webhook = read_webhook(headers, body, secret=self._secret, seen=self._seen)
        except SignatureRejected as fault:
            _logger.warning("a webhook was refused: %s", printable_name(str(fault)))
            await _answer(send, 400)
            return
        await _answer(send, 200)
        await self._handle(webhook)

    async def _handle(self, webhook: IncomingWebhook | None) -> None:
        try:
            if isinstance(webhook, CallIncoming):
                await self._on_call(webhook)
            elif webhook is not None and self._on_other is not None:
                await self._on_other(webhook)
            elif isinstance(webhook, UnknownWebhook):
                _logger.info("a webhook %s was left: %s", printable_name(webhook.kind), printable_name(webhook.reason))
        except Exception as fault:  # the answer is sent: no server would show it
            name = webhook.call_id if isinstance(webhook, CallIncoming) else type(webhook).__name__
            _logger.error("handling %s failed", printable_name(name), exc_info=fault)


async def _body(receive: ASGIReceive) -> bytes | None:
    """The body of a request; None: it is too long, or the client has gone."""
    content = bytearray()
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            return None
        content += message.get("body", b"")
        if len(content) > MAX_WEBHOOK_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(content)


async def _answer(send: ASGISend, status: int, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})

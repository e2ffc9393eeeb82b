"""Webhooks of OpenAI's SIP: the signature is checked, and each is handled once. Also the sending side, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from duologue.clock import unix_time
from duologue.telephony.signatures import SeenIds, sign_webhook, verify_webhook
from duologue.telephony.sip.incoming import IncomingWebhook, SipHeader, read_incoming

__all__ = ["incoming_body", "read_webhook", "signed_headers"]


def read_webhook(
    headers: Mapping[str, str], body: bytes, *, secret: str, seen: SeenIds, now_unix_s: float | None = None
) -> IncomingWebhook | None:
    """A webhook of OpenAI's, or None for one that was handled before: the service sends again what it thinks lost.

    `body` is as it came, byte for byte; `secret` is `whsec_…`, as the webhook's page shows it. `seen` is one for the
    whole program: `SeenIds()`. Answer 200 also for None and for an `UnknownWebhook`, or they are sent again for days.

    Raises:
        SignatureRejected: it is not signed with this secret, or its time is five minutes off. Answer 400.
        ValueError: the secret is none.
    """
    now_unix_s = unix_time() if now_unix_s is None else now_unix_s
    webhook_id = verify_webhook(headers, secret=secret, body=body, now_unix_s=now_unix_s)
    if not seen.is_new(webhook_id, now_unix_s=now_unix_s):
        return None
    return read_incoming(body)


_KIND: Final = "realtime.call.incoming"


def incoming_body(
    *, call_id: str, event_id: str, created_at: int, sip_headers: Sequence[SipHeader], kind: str = _KIND
) -> bytes:
    """The body of the webhook for a ringing call, as the service writes it."""
    name = "call_id" if kind == _KIND else "session_id"
    data = {name: call_id, "sip_headers": [{"name": each.name, "value": each.value} for each in sip_headers]}
    return msgspec.json.encode(
        {"id": event_id, "object": "event", "type": kind, "created_at": created_at, "data": data}
    )


def signed_headers(body: bytes, *, webhook_id: str, secret: str, now_unix_s: float | None = None) -> dict[str, str]:
    """The headers that go with a webhook's body. Raises ValueError: the secret is none."""
    timestamp = str(int(unix_time() if now_unix_s is None else now_unix_s))
    return {
        "Content-Type": "application/json",
        "User-Agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)",
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign_webhook(webhook_id, timestamp, body, secret=secret),
    }

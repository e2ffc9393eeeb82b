"""Telephone calls of an application under test: by its URL, in memory, or over any transport."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final, TypeAlias

from duologue.audio.formats import PCM
from duologue.audio.wav import Sound
from duologue.clock import unix_time
from duologue.telephony.carrier import CallerSays, CallPlan, CallSettings, OutgoingCall, dial, network_named
from duologue.telephony.carrier.openings import CallCredentials, socket_opening
from duologue.testing.served.asgi_socket import ASGIApplication, asgi_socket
from duologue.transports import Transport

__all__ = ["PhoneLine", "PhoneTarget", "Saying"]

PhoneTarget: TypeAlias = str | Transport | ASGIApplication
"""A URL, a transport whose other end the application has, or an ASGI application."""

Saying: TypeAlias = bytes | Sound | CallerSays
"""What the caller says: PCM16 at 24 kHz, a sound of any rate, or with the moment at which it interrupts."""

_STANDARD: Final = CallSettings()


class PhoneLine:
    """A caller's telephone. `calls` are those that it has made, the last one too while it goes on."""

    def __init__(self) -> None:
        self.calls: list[OutgoingCall] = []

    async def __call__(
        self,
        target: PhoneTarget,
        *says: Saying,
        protocol: str = "twilio",
        path: str = "/",
        interrupt_after_ms: int | None = None,
        settings: CallSettings = _STANDARD,
        secret: str = "",
        headers: Mapping[str, str] | None = None,
        **plan: Any,
    ) -> OutgoingCall:
        """Call the target, say everything in turn, hear the answers, and hang up; returns the call, which is over.

        `path` is that of an ASGI application's socket; `headers` go along there. With `interrupt_after_ms` everything
        but the first is said so long after an answer has begun. `plan` are fields of `CallPlan`, `settings` is how the
        network behaves, and `secret` signs the call as the network does. Cancelled, it hangs up.

        Raises:
            ConnectFailed: the application was not reached, or refuses the call.
            TypeError: there is no such field of a plan.
            ValueError: the protocol is not known, and as `OutgoingCall` does.
            MissingExtra: a sound has another rate than the call, and the `audio` extra is not installed.
        """
        said = tuple(_saying(each, interrupt_after_ms if n else None) for n, each in enumerate(says))
        planned = CallPlan(says=said, **plan)
        if isinstance(target, str):
            return await self._run(await dial(target, protocol, planned, settings, secret=secret))
        async with _opened(target, protocol, path=path, secret=secret, headers=headers) as transport:
            return await self._run(OutgoingCall(transport, protocol, planned, settings))

    async def _run(self, call: OutgoingCall) -> OutgoingCall:
        self.calls.append(call)
        await call.run()
        return call


def _saying(each: Saying, interrupts_after_ms: int | None) -> CallerSays:
    if isinstance(each, CallerSays):
        return each
    sound = each if isinstance(each, Sound) else Sound(each, PCM.rate_hz)
    return CallerSays(sound=sound, interrupts_after_ms=interrupts_after_ms)


def _opened(
    target: Transport | ASGIApplication, protocol: str, *, path: str, secret: str, headers: Mapping[str, str] | None
) -> AbstractAsyncContextManager[Transport]:
    given: Any = target
    if hasattr(given, "receive"):
        return nullcontext(given)
    credentials = CallCredentials(secret=secret, now_unix_s=unix_time(), nonce=uuid.uuid4().hex)
    signed = socket_opening(protocol, f"ws://127.0.0.1{path}", credentials)
    subprotocol = network_named(protocol).codec().traits.subprotocol
    subprotocols: Sequence[str] = [subprotocol] if subprotocol else ()
    shown = {"host": "127.0.0.1", **signed, **(headers or {})}
    return asgi_socket(given, path=path, headers=shown, subprotocols=subprotocols)

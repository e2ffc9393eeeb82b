"""The official Python SDK's Live and translation sessions, in both its forms, behind the interface of `_sdk`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeAlias

from openai import AsyncOpenAI, OpenAI
from openai.types.live.connect_server_event import ConnectServerEvent
from openai.types.live.fork_server_event import ForkServerEvent
from openai.types.live.server_event import ServerEvent
from openai.types.realtime import RealtimeTranslationServerEvent
from openai.types.responses import ResponseStreamEvent

from duologue.events.base import encode_audio
from tests.compat._sdk import Check, Form, Sdk, addresses, strict

__all__ = ["CHECKS", "Endpoint", "LiveSdk", "live_sdk", "sdk_client"]

Endpoint: TypeAlias = Literal["primary", "sideband", "fork", "translation"]

_within_responses = strict(ResponseStreamEvent)


def _live(union: Any) -> Check:
    outer = strict(union)

    def check(wire: Any) -> None:
        outer(wire)
        if wire["type"] == "response.event":  # the SDK has a plain object there; it holds an event of another family
            _within_responses(wire["event"])

    return check


CHECKS: Final[dict[Endpoint, Check]] = {
    "primary": _live(ServerEvent),
    "sideband": _live(ConnectServerEvent),
    "fork": _live(ForkServerEvent),
    # The hosted service sends it too.
    "translation": strict(
        RealtimeTranslationServerEvent, beside=("session.created.session.include", "session.updated.session.include")
    ),
}


class LiveSdk(Sdk):
    """An open Live session. Methods are called by their path, `session.input_audio.append`."""

    async def start(self, **session: Any) -> Any:
        """Start the session; returns `session.started`, which must be the first thing that the server says."""
        await self.call("session.start", session=session, event_id="start")
        [started] = await self.until("session.started")
        assert started.client_event_id == "start"
        return started

    async def send_audio(self, pcm: bytes, *, silence_ms: int = 0, piece_ms: int = 200) -> None:
        """Append PCM16 at 24 kHz, and silence behind it, all at once: the server's time does not outrun the clock."""
        audio = pcm + bytes(48 * silence_ms)
        for start in range(0, len(audio), 48 * piece_ms):
            await self.call("session.input_audio.append", audio=encode_audio(audio[start : start + 48 * piece_ms]))

    async def close(self) -> Any:
        """Close the session, and return `session.closed`, behind which nothing comes."""
        await self.call("session.close", event_id="close")
        return (await self.until("session.closed"))[-1]


@asynccontextmanager
async def sdk_client(url: str, form: Form, *, key: str = "open") -> AsyncGenerator[Any, None]:
    """A client of the SDK."""
    if form == "async":
        async with AsyncOpenAI(**addresses(url), api_key=key, max_retries=0) as client:
            yield client
        return
    with OpenAI(**addresses(url), api_key=key, max_retries=0) as client:
        yield client


@asynccontextmanager
async def live_sdk(
    url: str, form: Form, endpoint: Endpoint = "primary", *, key: str = "open", **options: Any
) -> AsyncGenerator[LiveSdk, None]:
    """Connect with the SDK; the `options` are those of its `connect`. `url` is that of the server's Realtime."""
    async with sdk_client(url, form, key=key) as client:
        connect = {
            "primary": client.live.connect,
            "sideband": client.live.sideband.connect,
            "fork": client.live.forks.connect,
            "translation": client.realtime.translations.connect,
        }[endpoint]
        manager = connect(**options)
        if form == "async":
            async with manager as connection:
                yield LiveSdk(connection, form=form, check=CHECKS[endpoint])
            return
        connection = await asyncio.to_thread(manager.enter)
        try:
            yield LiveSdk(connection, form=form, check=CHECKS[endpoint])
        finally:
            await asyncio.to_thread(connection.close)

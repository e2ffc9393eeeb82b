"""The official Python SDK's Live and translation sessions, in both its forms, behind the interface of `_sdk`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeAlias

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.live.connect_server_event import ConnectServerEvent
from openai.types.live.fork_server_event import ForkServerEvent
from openai.types.live.server_event import ServerEvent
from openai.types.realtime import RealtimeTranslationServerEvent
from openai.types.responses import ResponseStreamEvent
from websockets.exceptions import ConnectionClosedOK

from duologue.events.base import decode_audio, encode_audio
from tests.compat._sdk import Check, Form, Sdk, addresses, strict

__all__ = ["CHECKS", "Endpoint", "LiveSdk", "live_sdk", "sdk_client", "sound", "words"]

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


def words(events: Sequence[Any], stream: Literal["input", "output"]) -> str:
    """What was said in one direction."""
    return "".join(event.delta for event in events if event.type == f"session.{stream}_transcript.delta")


def sound(events: Sequence[Any]) -> bytes:
    """What is heard."""
    return b"".join(decode_audio(event.delta) for event in events if event.type == "session.output_audio.delta")


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

    async def until_said(self, text: str, stream: Literal["input", "output"] = "output") -> list[Any]:
        """Events up to the end of these words, which must be the next ones in this direction that are complete."""
        events: list[Any] = []
        while text not in words(events, stream):
            events += await self.until(f"session.{stream}_transcript.delta")
        return events

    async def close(self) -> list[Any]:
        """Close the session, and return the rest of its events, of which the last must be `session.closed`."""
        await self.call("session.close", event_id="close")
        events = await self.until("session.closed")
        assert (events[-1].reason, events[-1].client_event_id) == ("close_requested", "close")
        with pytest.raises(ConnectionClosedOK):
            await self.receive()
        return events


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

"""Attackers of Live sessions, and a healthy one."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fuzz._clients import PATIENCE_S, Finding, Place, Received, converse
from fuzz._frames import LOUD_MS, QUIET_MS, Frames, append

__all__ = ["be_healthy_live", "talk_live"]


async def talk_live(place: Place, chance: Random, done: Counter[str]) -> None:
    """A Live session of messages that were real once, most of them begun as it should be; or a sideband, or a fork."""
    frames = Frames(chance, api="live")
    start: list[str | bytes] = []
    if chance.random() < 0.8:
        delegation = chance.choice(({"type": "client"}, {"type": "responses", "responses": {"model": "m"}}))
        session = {"model": "gpt-live-1", "store": chance.random() < 0.5, "delegation": delegation}
        start = [json.dumps({"type": "session.start", "session": session})]
    below = ""
    if place.live and chance.random() < 0.5:
        below = f"/{chance.choice(place.live)}/{chance.choice(('attach', 'fork'))}"
        if below.endswith("/attach"):
            start = []
        elif start:
            start = ['{"type":"session.start","session":{}}']

    def next_frames(received: Received) -> list[str | bytes]:
        place.live[:] = [*place.live[-20:], *received.live]
        received.live.clear()
        return [start.pop()] if start else [frames.next(received.ids)]

    await converse(live_url(place.url) + below, next_frames, 80, chance, done)


def live_url(url: str) -> str:
    """The Live path of the server at this URL."""
    return url.replace("/realtime", "/live/sessions")


async def be_healthy_live(place: Place, until: float, done: Counter[str]) -> None:
    """One Live session after another, with an exchange in each. Raises Finding for anything that is not right."""
    while time.monotonic() < until:
        said = {"input": "", "output": ""}
        async with connect(live_url(place.url), max_size=None) as socket:

            async def listen(socket: ClientConnection = socket, said: dict[str, str] = said) -> None:
                async for message in socket:
                    event = json.loads(message)
                    if event["type"] == "error":
                        raise Finding(f"a healthy Live session was refused something: {event['error']}")
                    for who in said:
                        if event["type"] == f"session.{who}_transcript.delta":
                            said[who] += event["delta"]
                    if event["type"] == "session.closed":
                        return

            listening = asyncio.ensure_future(listen())
            await socket.send('{"type":"session.start","session":{"model":"gpt-live-1"}}')
            with suppress(ConnectionClosed):
                for number in range(10 * PATIENCE_S):
                    if said["output"].strip() == "the spoken words" or listening.done():
                        break
                    await socket.send(append((LOUD_MS if number < 4 else QUIET_MS) * 100, api="live"))
                    await asyncio.sleep(0.1)
                await socket.send('{"type":"session.close"}')
            try:
                await asyncio.wait_for(listening, PATIENCE_S)
            except (TimeoutError, ConnectionClosed) as fault:
                raise Finding(f"a healthy Live session did not end as it should: {fault!r}") from fault
        if {words.strip() for words in said.values()} != {"the spoken words"}:
            raise Finding(f"a Live exchange went wrong: {said}")
        done["healthy_live_sessions"] += 1

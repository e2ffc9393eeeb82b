"""The official Python SDK in both its forms, async and blocking, behind one small interface for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeAlias

from openai import AsyncOpenAI, OpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

from duologue.events.base import encode_audio
from tests.server._engines import LOUD, QUIET

__all__ = ["Check", "Form", "Sdk", "addresses", "check", "sdk_session", "strict"]

Form: TypeAlias = Literal["async", "blocking"]
Check: TypeAlias = Callable[[Any], None]
"""Fails unless an event is one that the SDK's own types allow, as it came, to the last field."""

_SENT_BY_EVERY_SERVER = {
    f"session.{event}.session.{name}" for event in ("created", "updated") for name in ("id", "object", "expires_at")
} | {"session.updated.session.warnings"}
"""Fields that the hosted service sends too, and that the SDK's types leave out. `warnings` are ours alone:
wishes of the client that are not met."""


def strict(union: Any, *, beside: Iterable[str] = ()) -> Check:
    """Holds events against a union of the SDK. `beside` are places of fields that its types leave out.

    The SDK itself accepts any event; decoded by the type's name alone, nothing can pass as an event of another kind.
    """
    annotated: Any = Annotated  # no type for a checker: the union is a value here
    adapter: TypeAdapter[Any] = TypeAdapter(annotated[union, Field(discriminator="type")])

    def check(wire: Any) -> None:
        model = adapter.validate_python(wire, strict=True)
        unknown = set(_unknown_fields(model, model.type)) - set(beside)
        assert unknown == set(), f"fields that the SDK does not know: {unknown}"

    return check


def _unknown_fields(model: Any, path: str) -> list[str]:
    if isinstance(model, list):
        return [name for index, inner in enumerate(model) for name in _unknown_fields(inner, f"{path}[{index}]")]
    found = [f"{path}.{name}" for name in getattr(model, "model_extra", None) or {}]
    for name in getattr(type(model), "model_fields", {}):
        found += _unknown_fields(getattr(model, name), f"{path}.{name}")
    return found


check = strict(RealtimeServerEvent, beside=_SENT_BY_EVERY_SERVER)
"""For the events of Realtime."""


def addresses(url: str) -> dict[str, Any]:
    """What the SDK takes as its bases: it adds `/realtime` and makes `ws` of `http` by itself.

    The client of the beta makes `wss` of every other scheme, without the address of the sockets.
    """
    base = url.removesuffix("/realtime")
    return {"base_url": base.replace("ws://", "http://"), "websocket_base_url": base}


class Sdk:
    """An open session of the SDK. Methods are called by their path, `conversation.item.create`."""

    def __init__(self, connection: Any, *, form: Form = "async", check: Check | None = None) -> None:
        self._connection = connection
        self._form = form
        self._check = check

    async def call(self, path: str, **arguments: Any) -> None:
        """Call one of the connection's methods."""
        method = attrgetter(path)(self._connection)
        if self._form == "async":
            await method(**arguments)
        else:
            await asyncio.to_thread(method, **arguments)

    async def until(self, name: str, seconds: float = 20) -> list[Any]:
        """Events up to the first of this type, checked unless they are those of the beta."""
        events: list[Any] = []
        async with asyncio.timeout(seconds):
            while not events or events[-1].type != name:
                events.append(await self.receive())
        return events

    async def receive(self) -> Any:
        """The next event."""
        receive = self._connection.recv_bytes
        data = await receive() if self._form == "async" else await asyncio.to_thread(receive)
        if self._check is not None:
            self._check(json.loads(data))
        return self._connection.parse_event(data)

    async def say(self, text: str) -> None:
        """Add a typed message of the user."""
        content = [{"type": "input_text", "text": text}]
        await self.call("conversation.item.create", item={"type": "message", "role": "user", "content": content})

    async def typed_turn(self, text: str, **session: Any) -> list[Any]:
        """Update the session, say this and ask for a response; returns the events up to its end."""
        await self.call("session.update", session=session)
        await self.say(text)
        await self.call("response.create")
        return await self.until("response.done")

    async def speak(self, *, ms: int = 400, silence_ms: int = 700) -> None:
        """Append speech, and silence behind it."""
        for piece in (LOUD * 100,) * (ms // 100) + (QUIET * 100,) * (silence_ms // 100):
            await self.call("input_audio_buffer.append", audio=encode_audio(piece))


@asynccontextmanager
async def sdk_session(
    url: str, form: Form, *, query: Mapping[str, object] | None = None, beta: bool = False, key: str = "open"
) -> AsyncGenerator[Sdk, None]:
    """Connect with the SDK; `beta` with its client of the beta's time, whose events are not checked."""
    options: dict[str, Any] = {"extra_query": query or {}}
    if "intent" not in options["extra_query"]:  # the hosted service refuses a model beside it
        options["model"] = "gpt-realtime"
    if form == "async":
        async with AsyncOpenAI(**addresses(url), api_key=key) as client:
            api: Any = client.beta.realtime if beta else client.realtime
            async with api.connect(**options) as connection:
                yield Sdk(connection, form=form, check=None if beta else check)
        return
    with OpenAI(**addresses(url), api_key=key) as blocking:
        api = blocking.beta.realtime if beta else blocking.realtime
        manager = api.connect(**options)
        connection = await asyncio.to_thread(manager.enter)
        try:
            yield Sdk(connection, form=form, check=None if beta else check)
        finally:
            await asyncio.to_thread(connection.close)

"""What a browser asks of an inspector, and the answers.

(nothing)                                  the list of sessions
events                                     the same, as server-sent events
calls/ID/                                  the page of a call
calls/ID/events?after=F-N                  its changes since that page, as server-sent events
calls/ID/frames/17                         a frame, as JSON
calls/ID/audio/user/30000-60000            what was said in that time, in milliseconds, as a WAV file
"""

from __future__ import annotations

import asyncio
import io
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from importlib.resources import files
from typing import Final

from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.inspection.page import Document, policy
from duologue.server.inspector.followed_call import FollowedCall, Lost
from duologue.server.inspector.inspector import Inspector, TooManyFollowed
from duologue.server.inspector.requests import Refused, Request

__all__ = ["Answer", "Pages"]

_GATHER_S: Final = 0.1
"""Between two changes of a page: as often as an eye follows."""

_GATHER_LONG_S: Final = 0.25
_LONG_LINES: Final = 20_000
"""Of a long call, the peaks are laid out anew for each change: 5 ms for one of an hour."""

_ALIVE_S: Final = 10.0
"""Between two signs of life: a connection that broke is found by them."""

_LIST_S: Final = 1.0
"""Between two lists of sessions: the length of open ones is in it."""

_CALL: Final = re.compile(r"calls/([A-Za-z0-9_-]{1,100})/(.*)")
_AFTER: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_FRAME: Final = re.compile(r"frames/([0-9]{1,9})")
_AUDIO: Final = re.compile(r"audio/(user|model)/([0-9]{1,9})-([0-9]{1,9})")


class Answer(Struct, frozen=True, kw_only=True):
    """What is answered; `body` may come in pieces."""

    status: int = 200
    content_type: str
    body: bytes | AsyncGenerator[bytes, None]
    policy: str = "default-src 'none'"


class Pages:
    """Answers requests."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector

    async def answer(self, path: str, request: Request) -> Answer:
        """The answer to a request for this path, which is behind the token. Raises Refused."""
        self._inspector.in_use()
        if path == "":
            return self._list()
        if path == "events":
            return _stream(self._list_events())
        if (found := _CALL.fullmatch(path)) is None:
            raise Refused(404, "there is no such page")
        session_id, rest = found.groups()
        if rest == "events":
            told = request.headers.get("last-event-id") or request.query.removeprefix("after=")
            if (after := _AFTER.fullmatch(told)) is None:
                raise Refused(400, "a page says which changes it has")
            return _stream(self._call_events(session_id, int(after[1]), int(after[2])))
        try:
            async with self._inspector.following(session_id) as call:
                if call is None:
                    raise Refused(404, "this session is not kept any more")
                return await _of_call(call, rest)
        except TooManyFollowed:
            raise Refused(503, "too many calls are looked at: close a page") from None
        except Lost as lost:
            raise Refused(410, str(lost)) from None

    def _list(self) -> Answer:
        nonce, target = secrets.token_hex(16), io.BytesIO()
        document = Document(target, nonce=nonce, live=True, assets=files("duologue.server.inspector") / "assets")
        document.data("sessions", write_text({"sessions": self._inspector.rows()}))
        document.close()
        return _page(target, nonce)

    async def _list_events(self) -> AsyncGenerator[bytes, None]:
        while True:
            self._inspector.in_use()
            yield _event("sessions", write_text({"sessions": self._inspector.rows()}))
            await asyncio.sleep(_LIST_S)
            if not any(each.is_open for each in self._inspector.sessions):
                while not await _within(_ALIVE_S, self._inspector.news()):
                    self._inspector.in_use()
                    yield _ALIVE

    async def _call_events(self, session_id: str, number: int, count: int) -> AsyncGenerator[bytes, None]:
        try:
            async with self._inspector.following(session_id) as call:
                if call is None or call.number != number:
                    raise Lost("the server does not have the beginning of this view any more")
                async with aclosing(_changes(call, count)) as changes:
                    async for each in changes:
                        yield each
        except TooManyFollowed:
            yield _event("reload", write_text({"why": "too many calls are looked at: close a page"}))
        except Lost as lost:
            yield _event("reload", write_text({"why": str(lost)}))


async def _changes(call: FollowedCall, count: int) -> AsyncGenerator[bytes, None]:
    """Changes behind the first so many, until the call is over. Raises Lost."""
    session = call.session
    while True:
        await call.advance()
        for text in call.changes_after(count):
            count += 1
            yield _event("changes", text, id=f"{call.number}-{count}")
        if call.is_over and count == call.logged:
            closed = session.row()["closed"] or {"code": 1006, "reason": "", "by": "network"}
            yield _event("closed", write_text(closed))
            return
        gather_s = _GATHER_LONG_S if call.lines > _LONG_LINES else _GATHER_S
        idle_s = 0.0
        while call.is_current or not idle_s:
            await asyncio.sleep(gather_s)
            idle_s += gather_s
            if idle_s > _ALIVE_S:
                idle_s = gather_s
                yield _ALIVE


async def _of_call(call: FollowedCall, rest: str) -> Answer:
    if rest == "":
        nonce, target = secrets.token_hex(16), io.BytesIO()
        await call.page(target, nonce=nonce)
        return _page(target, nonce)
    if (found := _FRAME.fullmatch(rest)) is not None:
        if (frame := call.frame(int(found[1]))) is None:
            raise Refused(404, "this frame is not kept")
        return Answer(content_type="application/json", body=frame)
    if (found := _AUDIO.fullmatch(rest)) is not None:
        begin_s, end_s = int(found[2]) / 1000, int(found[3]) / 1000
        wav = await call.sound(found[1], begin_s, end_s) if begin_s < end_s else None
        return Answer(status=204 if wav is None else 200, content_type="audio/wav", body=wav or b"")
    raise Refused(404, "there is no such page")


def _page(target: io.BytesIO, nonce: str) -> Answer:
    return Answer(content_type="text/html; charset=utf-8", body=target.getvalue(), policy=policy(nonce, live=True))


def _stream(events: AsyncGenerator[bytes, None]) -> Answer:
    return Answer(content_type="text/event-stream", body=events)


_ALIVE: Final = b": \n\n"


def _event(name: str, data: bytes, *, id: str | None = None) -> bytes:
    """One server-sent event. JSON has no line breaks of its own."""
    return b"".join((b"event: ", name.encode(), b"\n", f"id: {id}\n".encode() if id else b"", b"data: ", data, b"\n\n"))


async def _within(timeout_s: float, happening: Awaitable[None]) -> bool:
    """Whether it happened in this time."""
    try:
        async with asyncio.timeout(timeout_s):
            await happening
    except TimeoutError:
        return False
    return True

"""What `calls.py` compares the server with: the same frames at the same times, by an application without a protocol.

Frames come and go on the same stack: uvloop, uvicorn with the server's own connections, ASGI. Of what comes, this
application only looks whether it is the same as before: that is when a turn begins and ends. What it sends are texts
that were made before the call, but for the audio, which carries when it was due.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Self

from duologue.server import RealtimeApp
from duologue.transports.asgi import ADMISSION, ASGIReceive, ASGISend, Scope

__all__ = ["BareApp"]

_FIRST: Final[Sequence[tuple[str, int]]] = (
    ("input_audio_buffer.speech_stopped", 144),
    ("input_audio_buffer.committed", 161),
    ("conversation.item.added", 251),
    ("conversation.item.done", 279),
    ("response.created", 413),
    ("response.output_item.added", 253),
    ("conversation.item.added", 251),
    ("response.content_part.added", 236),
    *[("response.output_audio_transcript.delta", 223)] * 5,
)
_LAST: Final[Sequence[tuple[str, int]]] = (
    ("response.output_audio.done", 195),
    ("response.output_audio_transcript.done", 247),
    ("response.content_part.done", 260),
    ("conversation.item.done", 279),
    ("response.output_item.done", 314),
    ("response.done", 856),
)
"""Types and lengths of what the server sends in front of the audio of an answer, and behind it."""

_DELTA: Final = '{"type":"response.output_audio.delta","event_id":"' + 145 * "-" + '","delta":"'


def _text(kind: str, length: int) -> str:
    head = f'{{"type":"{kind}","event_id":"'
    return head + "-" * (length - len(head) - 2) + '"}'


_STARTED: Final = _text("input_audio_buffer.speech_started", 146)
_HEAD: Final = [_text(*each) for each in _FIRST]
_TAIL: Final = [_text(*each) for each in _LAST]


class BareApp(RealtimeApp):
    """Answers the calls of `calls.py` in their rhythm; its pages are those of the server."""

    def bare(self, *, begins: int, ends: int, speak: Callable[[], AsyncIterator[bytes]]) -> Self:
        """Loud appends until a turn begins, quiet ones until it ends, and the pieces of an answer, paced."""
        self._begins, self._ends, self._speak = begins, ends, speak
        return self

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """The ASGI entry point."""
        if scope["type"] != "websocket":
            await super().__call__(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": ADMISSION, "owner": "all"})
        answers: set[asyncio.Task[None]] = set()
        await self._listen(receive, send, answers)
        for answer in answers:
            answer.cancel()

    async def _listen(self, receive: ASGIReceive, send: ASGISend, answers: set[asyncio.Task[None]]) -> None:
        before, same, loud = "", 0, True
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message["text"]
            if text != before:
                before, same, loud = text, 0, not loud  # the first is quiet
            same += 1
            if loud and same == self._begins:
                await send({"type": "websocket.send", "text": _STARTED})
            elif not loud and same == self._ends:
                answer = asyncio.get_running_loop().create_task(self._say(send))
                answers.add(answer)
                answer.add_done_callback(answers.discard)

    async def _say(self, send: ASGISend) -> None:
        for text in _HEAD:
            await send({"type": "websocket.send", "text": text})
        async for piece in self._speak():
            text = f'{_DELTA}{base64.b64encode(piece).decode("ascii")}"}}'
            await send({"type": "websocket.send", "text": text})
        for text in _TAIL:
            await send({"type": "websocket.send", "text": text})

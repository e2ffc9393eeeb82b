"""Calls of Asterisk's AudioSocket that are sessions of a server in this process."""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from duologue.server.rejections import Rejection
from duologue.telephony.codecs.audiosocket import AudioSocket
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.telephony.tcp.audiosocket_listener import AudioSocketListener
from duologue.telephony.tcp.audiosocket_stream import AudioSocketStream

__all__ = ["serving_audiosocket"]

_NETWORK = "audiosocket"


@asynccontextmanager
async def serving_audiosocket(
    sessions: PhoneSessions, *, host: str, port: int, call_id: str | None = None, max_calls: int
) -> AsyncGenerator[AudioSocketListener, None]:
    """Take calls for the length of a block; with `call_id`, only those that tell this id, a UUID in lower case.

    A call for which the server has no place is hung up. At the end of the block calls end at once: leave it when the
    server has drained.

    Raises:
        OSError: the address is in use, or is none of this machine.
    """

    async def serve(stream: AudioSocketStream) -> None:
        with suppress(Rejection):  # which is logged and counted where it is raised; the listener hangs up
            async with sessions.place(_NETWORK, address=stream.peer) as place:
                await place.serve(stream, AudioSocket())

    def is_known(told: str) -> bool:
        return call_id is None or hmac.compare_digest(told, call_id)

    listener = AudioSocketListener(serve, may_call=is_known, max_calls=max_calls)
    await listener.start(host, port)
    try:
        yield listener
    finally:
        await listener.close(drain_s=0)

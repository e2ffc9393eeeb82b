"""The offering end of a call, which plays until it is killed: run as a program."""

from __future__ import annotations

import asyncio
import json
import sys

from duologue.transports.webrtc.peer import FRAME_BYTES, PeerSettings
from duologue.transports.webrtc.stacks import load_stack


async def _main(name: str) -> None:
    peer = load_stack(name).new_peer(PeerSettings())
    sys.stdout.write(json.dumps(await peer.offer()) + "\n")
    sys.stdout.flush()
    await peer.connect(json.loads(sys.stdin.readline()))
    await peer.send("here")
    while True:
        peer.play(bytes(FRAME_BYTES))
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))

"""Ask a typed question, print the answer as it comes.

duologue serve &
python examples/first_conversation.py ws://127.0.0.1:8000
"""

import asyncio
import sys

import duologue
from duologue.events import RealtimeSessionConfig
from duologue.notices import TextDelta


async def main(url: str) -> None:
    written = RealtimeSessionConfig(output_modalities=["text"])
    async with duologue.converse(url, model="gpt-realtime", session=written) as conversation:
        conversation.on(TextDelta, lambda piece: print(piece.delta, end="", flush=True))
        await conversation.ask("What is seven times eight?")
        print()


asyncio.run(main(sys.argv[1]))

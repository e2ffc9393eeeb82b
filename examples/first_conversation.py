"""Ask a typed question, print the answer as it comes.

duologue serve &
python examples/first_conversation.py ws://127.0.0.1:8000
"""

import asyncio
import sys

import duologue
from duologue.events import (
    ConversationItemCreateEvent,
    InputTextPart,
    MessageItem,
    RealtimeSessionConfig,
    ResponseCreateEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    SessionUpdateEvent,
)


async def main(url: str) -> None:
    async with duologue.connect(url, model="gpt-realtime") as connection:
        await connection.send(SessionUpdateEvent(session=RealtimeSessionConfig(output_modalities=["text"])))
        question = MessageItem(role="user", content=[InputTextPart(text="What is seven times eight?")])
        await connection.send(ConversationItemCreateEvent(item=question))
        await connection.send(ResponseCreateEvent())
        async for event in connection:
            match event:
                case ResponseTextDeltaEvent(delta=delta):
                    print(delta, end="", flush=True)
                case ResponseDoneEvent():
                    print()
                    return


asyncio.run(main(sys.argv[1]))

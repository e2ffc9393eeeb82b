"""Talk over the model: it falls silent at once, and the server forgets what was not heard of it.

python examples/barge_in.py ws://127.0.0.1:8000 interruption.wav heard.wav
"""

import asyncio
import sys

import duologue
from duologue.events import ConversationItemTruncatedEvent
from duologue.notices import AudioDelta
from duologue.sound import WavSink, WavSource


async def main(url: str, interruption: str, heard: str) -> None:
    sink = WavSink(heard)  # or a Loudspeaker()

    def cut(event: ConversationItemTruncatedEvent) -> None:
        print(f"{sink.duration_ms} ms were heard, and the model remembers {event.audio_end_ms} ms.")

    async with (
        duologue.converse(url, model="gpt-realtime") as conversation,
        conversation.play(sink),
        conversation.stream(AudioDelta) as speech,
        asyncio.TaskGroup() as tasks,
    ):
        conversation.on(ConversationItemTruncatedEvent, cut)
        tasks.create_task(conversation.ask("Tell me what you can do."))
        await anext(aiter(speech))  # by now the server may have sent all of it
        await conversation.listen(WavSource(interruption))  # or a Microphone()


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))

"""Talk over the model: its speech stops, and the server forgets what was not heard of it.

python examples/barge_in.py ws://127.0.0.1:8000 interruption.wav
"""

import asyncio
import sys

import duologue
from duologue.audio.wav import read_wav
from duologue.events import ConversationItemTruncatedEvent
from duologue.notices import AudioDelta, Interrupted


async def loudspeaker(conversation: duologue.Conversation, begun: asyncio.Event) -> None:
    """Play at the speed of speech, and report what was heard: the cut depends on it."""
    async with conversation.stream(AudioDelta, Interrupted) as notices:
        async for notice in notices:
            if isinstance(notice, Interrupted):
                return  # a player drops what it holds
            await asyncio.sleep(notice.encoding.duration_ms(len(notice.audio)) / 1000)
            conversation.report_played(notice.item_id, notice.content_index, n_bytes=len(notice.audio))
            begun.set()


async def main(url: str, path: str) -> None:
    begun = asyncio.Event()
    async with (
        duologue.converse(url, model="gpt-realtime") as conversation,
        asyncio.TaskGroup() as tasks,
        conversation.stream(ConversationItemTruncatedEvent) as cuts,
    ):
        tasks.create_task(loudspeaker(conversation, begun))
        tasks.create_task(conversation.ask("Tell me what you can do."))
        await begun.wait()
        await conversation.send_audio(read_wav(path).at(24_000).pcm16)
        print(f"The model was cut off after {(await anext(aiter(cuts))).audio_end_ms / 1000:.1f} s.")


asyncio.run(main(sys.argv[1], sys.argv[2]))

"""Push to talk: turns are made by hand, without voice activity detection. Files stand for microphone and loudspeaker.

python examples/push_to_talk.py ws://127.0.0.1:8000 question.wav answer.wav
"""

import asyncio
import sys

import duologue
from duologue.events import AudioConfig, AudioInputConfig, RealtimeSessionConfig
from duologue.notices import TextDelta
from duologue.sound import WavSink, WavSource

BY_HAND = RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=None)))


async def main(url: str, question: str, answer: str) -> None:
    sink = WavSink(answer)
    async with duologue.converse(url, model="gpt-realtime", session=BY_HAND) as conversation:
        conversation.on(TextDelta, lambda piece: print(piece.delta, end="", flush=True))
        async with conversation.play(sink):
            await conversation.interrupt()  # the key is pressed: the model stops
            async with conversation.listen(WavSource(question, silence_ms=0)) as microphone:
                await microphone.wait()  # or until the key is released
            await conversation.commit()
            await conversation.respond()
        print(f" ({sink.duration_ms / 1000:.1f} s)")


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))

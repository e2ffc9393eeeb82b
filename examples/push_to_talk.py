"""Push to talk: turns are made by hand, without voice activity detection. The file stands for the microphone.

python examples/push_to_talk.py ws://127.0.0.1:8000 question.wav
"""

import asyncio
import sys

import duologue
from duologue import Conversation
from duologue.audio.formats import PCM
from duologue.audio.wav import read_wav
from duologue.events import AudioConfig, AudioInputConfig, RealtimeSessionConfig
from duologue.notices import AudioDelta, TextDelta

BY_HAND = RealtimeSessionConfig(audio=AudioConfig(input=AudioInputConfig(turn_detection=None)))
CHUNK_BYTES = PCM.bytes_for_ms(100)


async def while_the_key_is_down(conversation: Conversation, pcm16: bytes) -> None:
    await conversation.interrupt()  # pressing the key stops the model
    for start in range(0, len(pcm16), CHUNK_BYTES):
        await conversation.send_audio(pcm16[start : start + CHUNK_BYTES], encoding=PCM)


async def main(url: str, path: str) -> None:
    pcm16 = read_wav(path).at(PCM.rate_hz).pcm16
    async with duologue.converse(url, model="gpt-realtime", session=BY_HAND) as conversation:
        played_bytes: list[int] = []
        conversation.on(TextDelta, lambda piece: print(piece.delta, end="", flush=True))
        conversation.on(AudioDelta, lambda piece: played_bytes.append(len(piece.audio)))  # to a loudspeaker
        await while_the_key_is_down(conversation, pcm16)
        await conversation.commit()  # the key is released
        await conversation.respond()
        print(f" ({PCM.duration_ms(sum(played_bytes)) / 1000:.1f} s)")


asyncio.run(main(sys.argv[1], sys.argv[2]))

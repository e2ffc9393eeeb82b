"""Write down what is said in a WAV file.

python examples/transcribe_file.py ws://127.0.0.1:8000 speech.wav
"""

import asyncio
import sys

import duologue
from duologue.audio.formats import PCM
from duologue.audio.wav import read_wav
from duologue.events import AudioConfig, AudioInputConfig, AudioTranscription, RealtimeSessionConfig
from duologue.notices import UserTranscript, UserTranscriptDelta, UserTranscriptFailed

HEARD = AudioInputConfig(
    transcription=AudioTranscription(model="gpt-4o-mini-transcribe"),
    turn_detection=None,  # the file is one turn, and wants no answer
)
CHUNK_BYTES = PCM.bytes_for_ms(100)


async def main(url: str, path: str) -> None:
    pcm16 = read_wav(path).at(PCM.rate_hz).pcm16
    session = RealtimeSessionConfig(audio=AudioConfig(input=HEARD))
    async with duologue.converse(url, model="gpt-realtime", session=session) as conversation:
        async with conversation.stream(UserTranscriptDelta, UserTranscript, UserTranscriptFailed) as notices:
            for start in range(0, len(pcm16), CHUNK_BYTES):
                await conversation.send_audio(pcm16[start : start + CHUNK_BYTES], encoding=PCM)
            await conversation.commit()
            async for notice in notices:
                match notice:
                    case UserTranscriptDelta(delta=words):
                        print(words, end="", flush=True)
                    case UserTranscript() | UserTranscriptFailed():
                        break
        print()


asyncio.run(main(sys.argv[1], sys.argv[2]))

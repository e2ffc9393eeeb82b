"""Write down what is said in a WAV file, utterance by utterance.

python examples/transcribe_file.py ws://127.0.0.1:8000 speech.wav
"""

import asyncio
import sys

import duologue
from duologue.audio.formats import PCM
from duologue.audio.wav import read_wav
from duologue.events import AudioConfig, AudioInputConfig, AudioTranscription, RealtimeSessionConfig, ServerVad
from duologue.protocol.notices import SpeechStarted, UserTranscript, UserTranscriptFailed

HEARD = AudioInputConfig(
    transcription=AudioTranscription(model="gpt-4o-mini-transcribe"),
    turn_detection=ServerVad(create_response=False),  # nobody is to answer
)
CHUNK_BYTES = PCM.bytes_for_ms(100)


async def main(url: str, path: str) -> None:
    pcm16 = read_wav(path).at(PCM.rate_hz).pcm16 + bytes(PCM.bytes_for_ms(1000))  # silence ends the last utterance
    session = RealtimeSessionConfig(audio=AudioConfig(input=HEARD))
    async with duologue.converse(url, model="gpt-realtime", session=session) as conversation:
        async with conversation.stream(SpeechStarted, UserTranscript, UserTranscriptFailed) as notices:
            for start in range(0, len(pcm16), CHUNK_BYTES):
                await conversation.speak(pcm16[start : start + CHUNK_BYTES], encoding=PCM)
            async with asyncio.timeout(30):
                async for notice in notices:
                    if isinstance(notice, UserTranscript):
                        print(notice.transcript)
                    if not isinstance(notice, SpeechStarted) and conversation.buffered_ms < 1000:
                        return


asyncio.run(main(sys.argv[1], sys.argv[2]))

"""A voice agent with tools: it listens, speaks, and falls silent when you interrupt it.

python examples/voice_agent.py ws://127.0.0.1:8000                             by microphone and loudspeaker
python examples/voice_agent.py ws://127.0.0.1:8000 question.wav answer.wav     with files in their place
"""

import asyncio
import os
import sys
from datetime import datetime

import duologue
from duologue.events import AudioConfig, AudioInputConfig, AudioTranscription, RealtimeSessionConfig
from duologue.events import ResponseAudioTranscriptDoneEvent as Spoken
from duologue.notices import Interrupted, RunTool, UserTranscript
from duologue.sound import AudioSource, Loudspeaker, Microphone, WavSink, WavSource

AGENT = RealtimeSessionConfig(
    instructions="You are a helpful assistant on a voice call. Answer in one or two short sentences.",
    audio=AudioConfig(input=AudioInputConfig(transcription=AudioTranscription(model="whisper-1"))),
)


async def weather(city: str) -> str:
    """The weather in a city."""
    await asyncio.sleep(0.1)  # a slow service: the agent listens meanwhile
    return f"Rain in {city}, 7 degrees."


def local_time() -> str:
    """The time of day where the user is."""
    return datetime.now().astimezone().strftime("%H:%M")


async def talk(url: str, source: AudioSource, sink: Loudspeaker | WavSink) -> None:
    key = os.environ.get("OPENAI_API_KEY")
    async with duologue.converse(
        url, model="gpt-realtime", api_key=key, session=AGENT, tools=[weather, local_time]
    ) as conversation:
        conversation.on(UserTranscript, lambda said: print(f"you: {said.transcript}"))
        conversation.on(Spoken, lambda said: print(f"agent: {said.transcript}"))
        conversation.on(RunTool, lambda notice: print(f"[calls {notice.call.name}]"))
        conversation.on(Interrupted, lambda _: print("[interrupted]"))
        async with conversation.play(sink):
            await conversation.listen(source)


def main(url: str, question: str = "", answer: str = "answer.wav") -> None:
    source = WavSource(question) if question else Microphone()
    asyncio.run(talk(url, source, WavSink(answer) if question else Loudspeaker()))


if __name__ == "__main__":
    main(*sys.argv[1:])

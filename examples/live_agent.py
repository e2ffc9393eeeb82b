"""A voice agent over Live: both sides may speak at once, and the voice model hands its work over.

python examples/live_agent.py ws://127.0.0.1:8000                             by microphone and loudspeaker
python examples/live_agent.py ws://127.0.0.1:8000 question.wav answer.wav     with files in their place

The work comes to this program. With LIVE_BACKEND=gpt-5.5 in the environment, a Responses model of the server does it.
"""

import asyncio
import os
import sys

import duologue
from duologue.events.live import LiveClientDelegation, LiveResponsesBackend, LiveResponsesDelegation, LiveSessionConfig
from duologue.notices import DelegationStarted, UtteranceEnded
from duologue.sound import AudioSource, Loudspeaker, Microphone, WavSink, WavSource


async def parcel() -> str:
    """Where the user's parcel is."""
    await asyncio.sleep(0.1)  # a slow service: the voice model listens and speaks meanwhile
    return "The parcel arrives on Tuesday."


async def work(delegation: duologue.Delegation) -> str:
    await delegation.think("The parcel is being looked up.")
    wanted = delegation.transcript().request()  # a delegation says nothing but that there is work
    return await parcel() if "parcel" in wanted.lower() else "I can only look parcels up."


async def talk(url: str, source: AudioSource, sink: Loudspeaker | WavSink) -> None:
    key, backend = os.environ.get("OPENAI_API_KEY"), os.environ.get("LIVE_BACKEND")
    responses = LiveResponsesDelegation(responses=LiveResponsesBackend(model=backend)) if backend else None
    config = LiveSessionConfig(
        instructions="You are the voice of a parcel service. Keep answers short.",
        delegation=responses or LiveClientDelegation(),
    )
    doing = None if backend else work
    tools = [parcel] if backend else []
    async with duologue.live(
        url, model="gpt-live-1", api_key=key, session=config, tools=tools, on_delegation=doing
    ) as live:
        live.on(UtteranceEnded, lambda ended: print(f"{ended.utterance.speaker}: {ended.utterance.text}"))
        live.on(DelegationStarted, lambda notice: print(f"[work for {notice.delegation.target}]"))
        async with live.play(sink):
            await live.listen(source)
    print(f"[{live.outcome.reason if live.outcome else ''}]")


def main(url: str, question: str = "", answer: str = "answer.wav") -> None:
    source = WavSource(question) if question else Microphone()
    asyncio.run(talk(url, source, WavSink(answer) if question else Loudspeaker()))


if __name__ == "__main__":
    main(*sys.argv[1:])

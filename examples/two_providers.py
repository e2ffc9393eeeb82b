"""One program, two providers: the same question, whatever era or dialect of the protocol each of them speaks.

python examples/two_providers.py ws://127.0.0.1:8000 wss://another.example/v1/realtime
"""

import asyncio
import sys

import duologue
from duologue.events import RealtimeSessionConfig

WRITTEN = RealtimeSessionConfig(output_modalities=["text"], instructions="Be brief.")


async def ask(url: str, question: str) -> str:
    # "auto" reads the dialect off the URL or the server's first words; where it is known, name it: dialect="xai".
    async with duologue.converse(url, model="gpt-realtime", dialect="auto", session=WRITTEN) as conversation:
        return await conversation.ask(question, timeout=30)


async def main(urls: list[str]) -> None:
    question = "What is seven times eight?"
    answers = await asyncio.gather(*(ask(url, question) for url in urls), return_exceptions=True)
    for number, answer in enumerate(answers, start=1):
        print(f"{number}: {answer}")


asyncio.run(main(sys.argv[1:]))

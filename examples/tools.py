"""Let the model call Python functions: their signatures and docstrings are all that it needs.

python examples/tools.py wss://api.openai.com/v1/realtime
python examples/tools.py ws://127.0.0.1:8000 "Call the tool weather with city Oslo."
"""

import asyncio
import os
import sys
from typing import Literal

import duologue
from duologue.events import RealtimeSessionConfig
from duologue.notices import RunTool


async def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather in a city.

    Args:
        city: Its name, without the country.
    """
    await asyncio.sleep(0.1)  # a slow service holds up nothing: audio and events go on meanwhile
    return f"Rain in {city}, 7 degrees {unit}."


def remind(what: str) -> None:
    """Note what the user must not forget. Functions that block run in a thread of their own."""
    print(f"[note: {what}]")


async def main(url: str, question: str = "Do I need an umbrella in Oslo today?") -> None:
    key = os.environ.get("OPENAI_API_KEY")
    written = RealtimeSessionConfig(output_modalities=["text"])
    async with duologue.converse(url, api_key=key, session=written, tools=[weather, remind]) as conversation:
        conversation.on(RunTool, lambda notice: print(f"[calls {notice.call.name}]"))
        print(await conversation.ask(question))


asyncio.run(main(*sys.argv[1:]))

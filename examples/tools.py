"""Let the model call Python functions: their signatures and docstrings are all that it needs.

export OPENAI_API_KEY=...
python examples/tools.py wss://api.openai.com/v1/realtime
"""

import asyncio
import os
import sys
from typing import Literal

import duologue
from duologue.events import RealtimeSessionConfig
from duologue.protocol.notices import RunTool


async def weather(city: str, *, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather in a city.

    Args:
        city: Its name, without the country.
    """
    await asyncio.sleep(0.1)  # a slow service holds up nothing: audio and events go on meanwhile
    return f"Rain in {city}, 7 degrees {unit}."


def bring_umbrella(because: str) -> None:
    """Remind the user of the umbrella. Functions that block run in a thread of their own."""
    print(f"(umbrella: {because})")


async def main(url: str) -> None:
    key = os.environ.get("OPENAI_API_KEY")
    written = RealtimeSessionConfig(output_modalities=["text"])
    tools = [weather, bring_umbrella]
    async with duologue.converse(url, model="gpt-realtime", api_key=key, session=written, tools=tools) as conversation:
        conversation.on(RunTool, lambda told: print(f"[calls {told.call.name}]"))
        print(await conversation.ask("Do I need an umbrella in Oslo today?"))


asyncio.run(main(sys.argv[1]))

"""A script without an event loop: two questions, each with a time limit, and the conversation at the end.

duologue serve &
python examples/sync_script.py ws://127.0.0.1:8000
"""

import sys

from duologue import blocking
from duologue.events import RealtimeSessionConfig

BRIEF = RealtimeSessionConfig(output_modalities=["text"], instructions="Answer in one sentence.")


def main(url: str) -> None:
    with blocking.converse(url, model="gpt-realtime", session=BRIEF) as conversation:
        for question in ("What is seven times eight?", "What is nine minus four?"):
            try:
                print(conversation.ask(question, timeout=30))
            except TimeoutError:
                conversation.cancel()
                print("No answer in half a minute.")
        print(len(conversation.items), "items,", conversation.usage.output.text_tokens, "tokens of text")


main(sys.argv[1])

"""A menu of keys beside speech: callers may say what they want, or press 1 or 2.

uvicorn --app-dir examples phone_menu:app --port 8080                 (who may call: see phone_twilio.py)
"""

import asyncio
import os

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import duologue
from duologue import telephony

SERVER, KEY = os.environ.get("REALTIME_URL", "ws://127.0.0.1:8000"), os.environ.get("OPENAI_API_KEY")
MENU = {"1": "When are you open?", "2": "Where is my parcel?"}


async def phone(websocket: WebSocket) -> None:
    keys: asyncio.Queue[str] = asyncio.Queue()

    def told(event: telephony.LegEvent) -> None:
        if isinstance(event, telephony.Digit):
            keys.put_nowait(event.digit)

    async def follow(conversation: duologue.Conversation) -> None:
        while True:
            wanted = MENU.get(await keys.get(), "I have pressed a key that is not in the menu.")
            await conversation.interrupt()
            print(await conversation.ask(wanted))

    async with duologue.converse(SERVER, model="gpt-realtime", api_key=KEY) as conversation:
        following = asyncio.create_task(follow(conversation))
        await telephony.join(websocket, telephony.Twilio(), conversation, keys="report", on_event=told)
        following.cancel()


app = Starlette(routes=[WebSocketRoute("/phone", phone)])

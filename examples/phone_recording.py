"""A call that is recorded: a tone tells the caller so, and each call is a file that `duologue inspect` shows.

uvicorn --app-dir examples phone_recording:app --port 8080            (who may call: see phone_twilio.py)
"""

import math
import os
from array import array
from pathlib import Path
from secrets import token_hex

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import duologue
from duologue import telephony
from duologue.audio.wav import Sound

SERVER, KEY = os.environ.get("REALTIME_URL", "ws://127.0.0.1:8000"), os.environ.get("OPENAI_API_KEY")
CALLS = Path(os.environ.get("CALLS", "calls"))
CALLS.mkdir(exist_ok=True)

SINE = array("h", (round(9000 * math.sin(2 * math.pi * 1400 * n / 8000)) for n in range(8000 // 2)))
TONE = Sound(SINE.tobytes(), 8000)  # 1,400 Hz for half a second


async def phone(websocket: WebSocket) -> None:
    call = await telephony.accept(websocket, telephony.Twilio())
    file = CALLS / f"{token_hex(8)}.jsonl"  # no name that the other side has chosen
    async with duologue.converse(SERVER, model="gpt-realtime", api_key=KEY, record=file) as conversation:
        call.play(TONE)
        await call.join(conversation)
    print(file.name)


app = Starlette(routes=[WebSocketRoute("/phone", phone)])

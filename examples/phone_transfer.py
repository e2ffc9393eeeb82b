"""A model that connects the caller with a human: it may choose among the numbers here, and dial no other.

TWILIO_ACCOUNT_SID=… TWILIO_AUTH_TOKEN=… uvicorn --app-dir examples phone_transfer:app --port 8080
                                                                      (who may call: see phone_twilio.py)
"""

import os

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import duologue
from duologue import telephony

SERVER, KEY = os.environ.get("REALTIME_URL", "ws://127.0.0.1:8000"), os.environ.get("OPENAI_API_KEY")
TWILIO = telephony.TwilioControl(
    account_sid=os.environ["TWILIO_ACCOUNT_SID"],
    auth_token=os.environ["TWILIO_AUTH_TOKEN"],
    base_url=os.environ.get("TWILIO_URL", "https://api.twilio.com"),
)
HUMANS = {"sales": "+15551230042", "repairs": "+15551230043"}


async def phone(websocket: WebSocket) -> None:
    call = await telephony.accept(websocket, telephony.Twilio(), control=TWILIO)
    humans = call.transfer_among(HUMANS)
    async with duologue.converse(SERVER, model="gpt-realtime", api_key=KEY, tools=[humans]) as conversation:
        print(await call.join(conversation))


app = Starlette(routes=[WebSocketRoute("/phone", phone)])

"""A Twilio number that a model answers.

PUBLIC_HOST=voice.example.com TWILIO_AUTH_TOKEN=… uvicorn --app-dir examples phone_twilio:app --port 8080

The number's "a call comes in" is the webhook https://voice.example.com/answer.
"""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import duologue
from duologue import telephony
from duologue.errors import SignatureRejected
from duologue.telephony.signatures import verify_twilio

TOKEN, URL = os.environ["TWILIO_AUTH_TOKEN"], f"wss://{os.environ['PUBLIC_HOST']}/phone"
SERVER, KEY = os.environ.get("REALTIME_URL", "ws://127.0.0.1:8000"), os.environ.get("OPENAI_API_KEY")


async def answer(request: Request) -> Response:
    return Response(f'<Response><Connect><Stream url="{URL}"/></Connect></Response>', media_type="text/xml")


async def phone(websocket: WebSocket) -> None:
    try:
        verify_twilio(websocket.headers, secret=TOKEN, url=URL)
    except SignatureRejected:
        await websocket.close()  # before accept: 403
        return
    call = await telephony.accept(websocket, telephony.Twilio())
    async with duologue.converse(SERVER, model="gpt-realtime", api_key=KEY, tools=[call.hang_up]) as conversation:
        print(await call.join(conversation))


app = Starlette(routes=[Route("/answer", answer, methods=["GET", "POST"]), WebSocketRoute("/phone", phone)])

"""An extension of Asterisk that a model answers, over chan_websocket.

ASTERISK_LOGIN=duologue:secret uvicorn --app-dir examples phone_asterisk:app --port 8080

websocket_client.conf:  [model]                               extensions.conf:
                        type = websocket_client               exten => 600,1,Answer()
                        uri = ws://127.0.0.1:8080/phone        same => n,Dial(WebSocket/model/c(ulaw)f(json))
                        protocols = media
                        username = duologue
                        password = secret
"""

import os
from base64 import b64encode

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import duologue
from duologue import telephony
from duologue.errors import SignatureRejected
from duologue.telephony.signatures import verify_token

LOGIN = "Basic " + b64encode(os.environ["ASTERISK_LOGIN"].encode()).decode()
SERVER, KEY = os.environ.get("REALTIME_URL", "ws://127.0.0.1:8000"), os.environ.get("OPENAI_API_KEY")


async def phone(websocket: WebSocket) -> None:
    try:
        verify_token(websocket.headers.get("authorization"), secret=LOGIN)
    except SignatureRejected:
        await websocket.close()  # before accept: 403
        return
    async with duologue.converse(SERVER, model="gpt-realtime", api_key=KEY) as conversation:
        print(await telephony.join(websocket, telephony.Asterisk(), conversation))


app = Starlette(routes=[WebSocketRoute("/phone", phone)])

"""A number at OpenAI's SIP: answered in office hours, and handed to a human who is asked for.

python examples/sip_number.py wss://api.openai.com 9000     your webhook is http://…:9000/openai
"""

import os
import sys
from datetime import datetime

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

import duologue
from duologue.telephony import sip

URL, PORT = sys.argv[1], int(sys.argv[2])
SECRET, KEY = os.environ["OPENAI_WEBHOOK_SECRET"], os.environ.get("OPENAI_API_KEY")
SESSION = {"model": "gpt-realtime", "instructions": "You answer for a bakery. Transfer those who want a human."}
OPEN, DESK = range(*map(int, os.environ.get("OFFICE_HOURS", "9-17").split("-"))), "tel:+15550199"


async def answer(call: sip.CallIncoming) -> None:
    if datetime.now().astimezone().hour not in OPEN:
        await sip.reject(URL, call_id=call.call_id, status_code=480, api_key=KEY)
        return

    async def transfer() -> str:
        """Transfer the caller to a human."""
        await sip.refer(URL, call_id=call.call_id, target_uri=DESK, api_key=KEY)
        return "The call is being transferred."

    await sip.accept(URL, call_id=call.call_id, session=SESSION, api_key=KEY)
    async with duologue.converse(URL, call_id=call.call_id, api_key=KEY, tools=[transfer]) as conversation:
        async for piece in conversation.texts():  # until the call is over
            print(piece.delta, end="", flush=True)


uvicorn.run(Starlette(routes=[Route("/openai", sip.WebhookApp(answer, secret=SECRET), methods=["POST"])]), port=PORT)

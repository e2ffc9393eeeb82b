"""OpenAI's SIP: calls to a number of yours come to the service, which rings by a webhook.

    async def answer(call: sip.CallIncoming) -> None:
        await sip.accept(URL, call_id=call.call_id, session=SESSION, api_key=KEY)
        async with duologue.converse(URL, call_id=call.call_id, api_key=KEY) as conversation:
            ...

    app = Starlette(routes=[Route("/openai", sip.WebhookApp(answer, secret=SECRET), methods=["POST"])])

`accept`, `reject`, `refer` and `hang_up` also exist for programs without an event loop, in `sip.blocking`.
"""

from duologue.telephony.signatures import SeenIds
from duologue.telephony.sip import blocking
from duologue.telephony.sip.incoming import (
    CallIncoming,
    IncomingWebhook,
    LiveCallIncoming,
    SipHeader,
    UnknownWebhook,
    read_incoming,
)
from duologue.telephony.sip.verbs import accept, hang_up, refer, reject
from duologue.telephony.sip.webhook_app import WebhookApp
from duologue.telephony.sip.webhooks import read_webhook

__all__ = [
    "CallIncoming",
    "IncomingWebhook",
    "LiveCallIncoming",
    "SeenIds",
    "SipHeader",
    "UnknownWebhook",
    "WebhookApp",
    "accept",
    "blocking",
    "hang_up",
    "read_incoming",
    "read_webhook",
    "refer",
    "reject",
]

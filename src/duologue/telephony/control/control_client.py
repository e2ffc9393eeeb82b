"""Sends what `call_control` asks of a network."""

from __future__ import annotations

import asyncio
from typing import Final

from duologue.errors import AuthenticationFailed, ConnectFailed
from duologue.printable import printable
from duologue.telephony.control.call_control import CallControl, ControlRequest
from duologue.transports.addresses import without_secrets
from duologue.transports.http_answers import HttpAnswer, server_words
from duologue.transports.http_exchange import exchange
from duologue.transports.secret_masks import SecretMask, handshake_secrets
from duologue.transports.socket_options import RETRYABLE_STATUS

__all__ = ["carry_out"]

_ANSWER_S: Final = 5.0
"""The caller waits in silence; networks answer within a second."""

_MAX_WORDS: Final = 300
"""Characters of what the network said: two sentences."""


async def carry_out(control: CallControl, request: ControlRequest) -> bool:
    """Send a request, and return whether the network does it; False: the call was over already.

    Cancelling closes the connection, and leaves open whether it is done.

    Raises:
        AuthenticationFailed: the network does not accept the key.
        ConnectFailed: the network was not reached within 5 s, or does not do it.
    """
    shown = without_secrets(request.url)
    try:
        async with asyncio.timeout(_ANSWER_S):
            answer = await exchange(request.url, method=request.method, headers=request.headers, body=request.body)
    except TimeoutError:
        raise ConnectFailed(f"{shown} did not answer within {_ANSWER_S:g} s", retryable=True) from None
    if 200 <= answer.status < 300:
        return True
    if control.is_over(answer.status, answer.body):
        return False
    raise _refusal(request, answer, shown)


def _refusal(request: ControlRequest, answer: HttpAnswer, shown: str) -> ConnectFailed:
    status, (code, words) = answer.status, server_words(answer)
    said = SecretMask(handshake_secrets(request.url, request.headers)).applied(" ".join(filter(None, (code, words))))
    sentence = f"{shown} does not do it (HTTP {status})"
    if said:
        sentence += f"; it says: {printable(said, max_characters=_MAX_WORDS)}"
    if status in (401, 403):
        sentence += "; check the account's id and key"
        return AuthenticationFailed(sentence, retryable=False, status=status)
    return ConnectFailed(sentence, retryable=status in RETRYABLE_STATUS, status=status)

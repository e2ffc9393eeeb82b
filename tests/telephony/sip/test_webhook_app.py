"""The page for webhooks, inside an application of Starlette."""

from __future__ import annotations

import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from duologue.telephony.sip import CallIncoming, IncomingWebhook, LiveCallIncoming, UnknownWebhook, WebhookApp
from duologue.telephony.sip.incoming import MAX_WEBHOOK_BYTES
from duologue.telephony.sip.webhooks import incoming_body, signed_headers
from tests.telephony.sip.test_webhooks import SECRET

BODY = incoming_body(call_id="rtc_1", event_id="evt_1", created_at=1, sip_headers=())


def signed(body: bytes = BODY, webhook_id: str = "wh_1", secret: str = SECRET) -> dict[str, str]:
    return signed_headers(body, webhook_id=webhook_id, secret=secret)


class Application:
    """Notes what the page hands on."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.others: list[IncomingWebhook] = []
        self._fault = fault
        page = WebhookApp(self._call, secret=SECRET, on_other=self._other)
        site = Starlette(routes=[Route("/openai", page, methods=["POST"])])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://app")

    async def _call(self, call: CallIncoming) -> None:
        self.calls.append(call.call_id)
        if self._fault is not None:
            raise self._fault

    async def _other(self, webhook: IncomingWebhook) -> None:
        self.others.append(webhook)

    async def post(self, body: bytes = BODY, headers: dict[str, str] | None = None) -> int:
        async with self.http as http:
            return (await http.post("/openai", content=body, headers=headers or {})).status_code


async def test_a_call_is_handled_once_whatever_is_sent_again() -> None:
    app = Application()
    async with app.http as http:
        answers = [await http.post("/openai", content=BODY, headers=signed()) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert app.calls == ["rtc_1"]


@pytest.mark.parametrize("headers", [{}, signed(secret="whsec_b3RoZXI=")])
async def test_what_is_not_signed_gets_400_and_no_reason(headers: dict[str, str]) -> None:
    app = Application()
    async with app.http as http:
        answer = await http.post("/openai", content=BODY, headers=headers)
    assert (answer.status_code, answer.content) == (400, b"")
    assert app.calls == []


async def test_a_body_that_is_too_long_is_not_read() -> None:
    app = Application()
    body = bytes(MAX_WEBHOOK_BYTES + 1)
    assert await app.post(body, signed(body)) == 413


async def test_other_webhooks_go_elsewhere() -> None:
    live = incoming_body(call_id="rtc_1", event_id="e", created_at=1, sip_headers=(), kind="live.call.incoming")
    app = Application()
    async with app.http as http:
        await http.post("/openai", content=live, headers=signed(live, "wh_1"))
        await http.post("/openai", content=b"{}", headers=signed(b"{}", "wh_2"))
    assert [type(each) for each in app.others] == [LiveCallIncoming, UnknownWebhook]


async def test_a_fault_of_the_application_is_logged_behind_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    app = Application(RuntimeError("no model"))
    with caplog.at_level(logging.ERROR):
        assert await app.post(headers=signed()) == 200
    assert "handling rtc_1 failed" in caplog.text


async def test_only_posts_are_webhooks() -> None:
    page = WebhookApp(Application()._call, secret=SECRET)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url="http://app") as http:
        assert (await http.get("/")).status_code == 405
        assert (await http.post("/", content=b"{}", headers=signed(b"{}"))).status_code == 200  # left, and logged


def test_a_secret_that_is_none_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        WebhookApp(Application()._call, secret="sk-123")

from __future__ import annotations

import asyncio

from duologue.telephony.sip import blocking
from tests._uvicorn import under_uvicorn
from tests.telephony.sip._service import Service


async def test_the_verbs_work_without_an_event_loop() -> None:
    service = Service()
    async with under_uvicorn(service, lifespan="off") as port:
        url = f"ws://127.0.0.1:{port}"

        def work() -> None:
            blocking.accept(url, call_id="rtc_1", session={"model": "m"})
            blocking.refer(url, call_id="rtc_1", target_uri="sip:desk@example.com")
            blocking.hang_up(url, call_id="rtc_1")
            blocking.reject(url, call_id="rtc_2", status_code=480)

        await asyncio.to_thread(work)
    assert [path.rsplit("/", 2)[1:] for path, _, _ in service.asked] == [
        ["rtc_1", "accept"],
        ["rtc_1", "refer"],
        ["rtc_1", "hangup"],
        ["rtc_2", "reject"],
    ]

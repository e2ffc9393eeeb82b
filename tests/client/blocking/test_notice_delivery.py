"""What a session of threads does with the threads of its application when it ends."""

from __future__ import annotations

import threading

import pytest

from duologue.client.blocking import notice_delivery
from duologue.notices import SessionEnded
from tests.client.blocking._live import talking_live
from tests.client.live._talking import serving


def test_a_callback_that_does_not_return_is_logged_and_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notice_delivery, "_STOP_S", 0.05)
    release = threading.Event()
    callbacks: list[threading.Thread] = []

    def block(notice: object) -> None:
        callbacks.append(threading.current_thread())
        release.wait(10)

    with talking_live(serving()) as live:
        live.on(SessionEnded, block)
        live.close()
        release.set()
        callbacks[0].join(5)
    assert "a callback goes on after the end of its conversation" in caplog.text

"""A whole conversation of the blocking client, cut at each of its messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import pytest

from duologue import blocking
from duologue.client.blocking.connect import open_blocking_endpoint
from duologue.client.endpoint import Endpoint
from duologue.errors import ConnectionClosed, LocalProtocolError, RequestRejected
from duologue.events import RealtimeSessionConfig
from duologue.protocol.memory import SessionRestored
from duologue.server import RealtimeApp
from duologue.testing import scripted_engines
from duologue.testing.engines import scripted_app_engines
from duologue.transports.blocking import BlockingTransport
from duologue.transports.blocking_websocket import BlockingWebSocketTransport
from tests.client._threads import aside, no_thread_left
from tests.client._waiting import FAST
from tests.server._listening import listening

TEXT = RealtimeSessionConfig(output_modalities=["text"])
TRIES = 20


class Cut:
    """A WebSocket whose TCP connection breaks off after so many messages, in either direction."""

    def __init__(self, transport: BlockingTransport, after: int) -> None:
        assert isinstance(transport, BlockingWebSocketTransport)
        self._transport = transport
        self._left = after
        self.close = transport.close

    @property
    def has_broken(self) -> bool:
        return self._left < 0

    def send(self, message: str | bytes, /) -> None:
        self._count()
        self._transport.send(message)

    def receive(self, *, timeout_s: float | None = None) -> str | bytes:
        message = self._transport.receive(timeout_s=timeout_s)
        self._count()  # this one has arrived; what comes after it has not
        return message

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            self._transport._cut()


def cutting(
    url: str, after: int
) -> tuple[list[Cut], Callable[[], AbstractContextManager[blocking.BlockingConnection]]]:
    """What opens connections, the first of which breaks off; and that one, once it is there."""
    cuts: list[Cut] = []

    @contextmanager
    def connect() -> Generator[blocking.BlockingConnection, None, None]:
        transport = open_blocking_endpoint(Endpoint(url=url))
        if not cuts:
            cuts.append(Cut(transport, after))
            transport = cuts[0]
        with blocking.connect(transport=transport) as connection:
            yield connection

    return cuts, connect


def insist(conversation: blocking.BlockingConversation, question: str, expected: str) -> None:
    """Ask until the answer comes; what was lost with a connection is told, and waits for the next one."""
    with conversation.stream(SessionRestored) as restored:
        for _ in range(TRIES):
            try:
                assert conversation.ask(question, timeout_s=5) == expected
            except (RequestRejected, LocalProtocolError):
                try:
                    restored.receive(timeout_s=0.2)
                except TimeoutError:
                    continue  # it came before this was asked
            else:
                return
    raise AssertionError(f"no answer in {TRIES} attempts")


def test_a_conversation_survives_a_cut_at_each_of_its_messages_and_leaves_no_thread() -> None:
    engines = scripted_engines(says=("Seven.",))
    with aside(lambda: listening(RealtimeApp(engines=scripted_app_engines(engines)))) as url:
        for after in range(60):
            began = time.monotonic()
            cuts, connect = cutting(url, after)
            with no_thread_left():
                try:
                    with blocking.converse(open_connection=connect, session=TEXT, reconnect=FAST) as conversation:
                        insist(conversation, "How many?", "Seven.")
                        insist(conversation, "And now?", "Seven.")
                        said = [item.text for item in conversation.items if item.done]
                        assert said.index("Seven.") < len(said) - 1
                        assert "And now?" in said
                except ConnectionClosed:
                    pytest.fail(f"the conversation ended with the cut after {after} messages")
            assert time.monotonic() - began < 5
            if not cuts[0].has_broken:
                break
        else:
            pytest.fail("the conversation is longer than this test thinks")
        assert after > 20

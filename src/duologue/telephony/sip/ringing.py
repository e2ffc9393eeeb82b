"""A telephone that rings at a server of ours, which plays the part of OpenAI's SIP: for tests of applications.

The server sends nothing by itself: the webhook is posted from here, and the caller's sound comes from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from math import inf
from typing import Any, Final, Literal, TypeAlias

import msgspec

from duologue.audio.formats import PCM
from duologue.audio.sounding import sounding_ms
from duologue.audio.wav import Sound
from duologue.chance import random_bytes
from duologue.clock import loop_time, unix_time
from duologue.errors import ConnectFailed, ConnectionClosed
from duologue.printable import printable_name
from duologue.server.app import RealtimeApp
from duologue.server.calls.incoming_call import CallDeclined, IncomingCall
from duologue.telephony.signatures import sign_webhook
from duologue.telephony.sip.ring_plan import RingMoment, RingPlan, RingReport, invite_headers, over_the_line
from duologue.telephony.sip.webhooks import incoming_body, signed_headers
from duologue.transports.http_exchange import exchange
from duologue.transports.webrtc.memory import MemoryStack
from duologue.transports.webrtc.peer import FRAME_BYTES, FRAME_MS, PeerSettings

__all__ = ["PostWebhook", "ring"]

PostWebhook: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]
"""Posts headers and body to a URL; returns the HTTP status. Raises ConnectFailed."""

_POST_S: Final = 10.0
"""How long an application may take to answer a webhook: as long as the hosted service waits."""

_STALE_S: Final = 600.0
"""How old a stale webhook is: twice of what a signature is good for."""

_GIVEN_UP: Final = 487
_ANSWERED: Final = 200

_MAX_MOMENTS: Final = 5000
"""That are kept: an hour of talk has a thousand; a flood of events must not fill the memory."""

_JITTER_FRAMES: Final = 4
"""A frame that comes later than so many is late because there was a pause, and not because the loop was busy."""

_OTHER_SECRET: Final = "whsec_bm90IHRoZSBzZWNyZXQ="


async def ring(app: RealtimeApp, plan: RingPlan, *, post: PostWebhook | None = None) -> RingReport:
    """Ring at a running server, and hold the call if an application accepts it; returns when the call is over.

    The server must be reachable for the application: that accepts the call there, and joins it. `post` sends the
    webhook in place of HTTP. Cancelling ends the call.

    Raises:
        ValueError: the secret of the plan is none.
        MissingExtra: the plan's encoding needs the extra `audio`.
    """
    sign_webhook("", "0", b"", secret=plan.secret)
    caller = over_the_line(plan.caller, plan.encoding)
    return await _Telephone(app, plan, caller, post or _post).run()


class _Telephone:
    """One call, from its first ring to its end."""

    def __init__(self, app: RealtimeApp, plan: RingPlan, caller: Sound, post: PostWebhook) -> None:
        self._app = app
        self._plan = plan
        self._caller = caller
        self._post = post
        stack = MemoryStack()
        self._peer, self._server = stack.new_peer(PeerSettings()), stack.new_peer(PeerSettings())
        self._began_at = loop_time()
        self._moments: list[RingMoment] = []
        self._statuses: list[int | None] = []
        self._heard = bytearray()
        self._answered_at = inf
        self._said_at = inf
        """When the caller's last sound ends."""
        self._first_sound_at: float | None = None
        self._last_sound_at: float | None = None
        self._ended_by: Literal["caller", "service", "transfer"] | None = None
        self._referred_to: str | None = None
        self._over = asyncio.Event()

    async def run(self) -> RingReport:
        ringing = self._app.calls.ring(await self._peer.offer(), self._server)
        ringing.on_refer = self._refer
        self._note("ring")
        try:
            async with asyncio.TaskGroup() as tasks:
                posting = tasks.create_task(self._tell(ringing.call_id))
                status = await self._decided(ringing, posting)
                if status == _ANSWERED:
                    await self._talk(ringing)
        finally:
            await ringing.decline()
            await self._peer.close()
        first = self._first_sound_at
        return RingReport(
            call_id=ringing.call_id,
            webhook_statuses=tuple(self._statuses),
            sip_status=status,
            ended_by=self._ended_by,
            referred_to=self._referred_to,
            first_sound_ms=None if first is None else round((first - self._said_at) * 1000),
            heard=over_the_line(Sound(bytes(self._heard), PCM.rate_hz), self._plan.encoding),
            moments=tuple(self._moments),
        )

    # --- ringing

    async def _tell(self, call_id: str) -> None:
        """Post the webhook, as often as the plan says."""
        body = incoming_body(
            call_id=call_id,
            event_id=f"evt_{random_bytes(12).hex()}",
            created_at=int(unix_time()),
            sip_headers=invite_headers(self._plan, call_id),
        )
        headers = self._headers(body)
        for _ in range(2 if self._plan.webhook_fault == "twice" else 1):
            try:
                async with asyncio.timeout(_POST_S):
                    status: int | None = await self._post(self._plan.webhook_url, headers, body)
                self._note(f"webhook answered with HTTP {status}")
            except TimeoutError:
                status = None
                self._note(f"webhook not answered within {_POST_S:g} s")
            except ConnectFailed as fault:
                status = None
                self._note(f"webhook not delivered: {fault}")
            self._statuses.append(status)

    def _headers(self, body: bytes) -> dict[str, str]:
        webhook_fault, webhook_id = self._plan.webhook_fault, f"wh_{random_bytes(12).hex()}"
        headers = signed_headers(
            body,
            webhook_id=webhook_id,
            secret=_OTHER_SECRET if webhook_fault == "wrong-secret" else self._plan.secret,
            now_unix_s=unix_time() - (_STALE_S if webhook_fault == "stale" else 0.0),
        )
        if webhook_fault == "unsigned":
            del headers["webhook-signature"]
        return headers

    async def _decided(self, ringing: IncomingCall, posting: asyncio.Task[None]) -> int:
        """Let it ring until an application decides, or none will; returns the SIP status."""
        ends_at = loop_time() + self._plan.ring_s
        await asyncio.wait((ringing.answered, posting), timeout=self._plan.ring_s, return_when="FIRST_COMPLETED")
        if any(status is not None and 200 <= status < 300 for status in self._statuses) or not posting.done():
            await asyncio.wait((ringing.answered,), timeout=max(0.0, ends_at - loop_time()))
        await ringing.decline()  # nothing, where there is a decision
        try:
            await self._peer.connect(await ringing.answered)
        except CallDeclined as declined:
            gave_up = declined.status_code == _GIVEN_UP
            self._note("given up" if gave_up else f"declined with SIP {declined.status_code}")
            return declined.status_code
        self._note("answered")
        return _ANSWERED

    # --- talking

    async def _talk(self, ringing: IncomingCall) -> None:
        self._answered_at = loop_time()
        self._said_at = self._answered_at + sounding_ms(self._caller.pcm16, PCM)[1] / 1000
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear())
            tasks.create_task(self._read())
            await self._speak(ringing)
            self._note(f"ended by {self._ended_by}")
            await self._peer.close()
        missing = int((loop_time() - self._answered_at) * PCM.rate_hz) * 2 - len(self._heard)
        self._heard += bytes(max(0, missing))

    async def _speak(self, ringing: IncomingCall) -> None:
        """The caller's sound in real time, and then silence, until one side ends the call."""
        keys = sorted(self._plan.keys, key=lambda key: key.at_ms)
        n = 0
        while not self._over.is_set():
            now = loop_time()
            if self._is_done(now, has_keys=bool(keys)):
                self._ended_by = "caller"
                return
            while keys and now - self._answered_at >= keys[0].at_ms / 1000:
                key = keys.pop(0).key
                self._note(f"key {key}")
                await ringing.press(key)
            self._peer.play(self._caller.pcm16[n : n + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))
            n += FRAME_BYTES
            due_at = self._answered_at + n // FRAME_BYTES * FRAME_MS / 1000
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due_at):
                    await self._over.wait()

    def _is_done(self, now: float, *, has_keys: bool) -> bool:
        """Whether the caller hangs up."""
        plan = self._plan
        if plan.hang_up_after_s is not None:
            return now - self._answered_at >= plan.hang_up_after_s
        last_key_at = self._answered_at + max((key.at_ms for key in plan.keys), default=0) / 1000
        if has_keys or now < self._answered_at + self._caller.duration_ms / 1000:
            return False
        if self._first_sound_at is not None and self._last_sound_at is not None:
            return now - max(self._last_sound_at, last_key_at) >= plan.quiet_s
        return now - max(self._said_at, last_key_at) >= plan.answer_s

    async def _hear(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._take(await self._peer.hear(), loop_time())
        self._service_ended()

    def _take(self, frame: bytes, now: float) -> None:
        """A frame of sound: written where it belongs on the line, or right behind the one before."""
        due = int((now - self._answered_at) * 1000 / FRAME_MS) * FRAME_BYTES
        if due - len(self._heard) > _JITTER_FRAMES * FRAME_BYTES:
            self._heard += bytes(due - len(self._heard))
        self._heard += frame
        if sounding_ms(frame, PCM)[1]:
            if self._last_sound_at is None:
                self._note("sound")
            self._last_sound_at = now
            if self._first_sound_at is None and now >= self._said_at:
                self._first_sound_at = now
                self._note("answer")

    async def _read(self) -> None:
        """What the session tells: a telephone cannot know it, a test wants to."""
        with suppress(ConnectionClosed):
            while True:
                self._event(await self._peer.receive())
        self._service_ended()

    def _event(self, message: str | bytes) -> None:
        try:
            event: Any = msgspec.json.decode(message)
        except msgspec.DecodeError:
            return
        kind: str = event["type"]
        if kind.endswith(".delta"):
            return
        words = event.get("transcript") or event.get("error", {}).get("message")
        self._note(f"{kind} {words}" if isinstance(words, str) else kind)

    def _service_ended(self) -> None:
        if self._ended_by is None:
            self._ended_by = "service"
        self._over.set()

    def _refer(self, target_uri: str) -> None:
        self._referred_to, self._ended_by = target_uri, "transfer"
        self._note(f"refer {printable_name(target_uri)}")
        self._over.set()

    def _note(self, what: str) -> None:
        if len(self._moments) < _MAX_MOMENTS:
            self._moments.append(RingMoment(round((loop_time() - self._began_at) * 1000), what))


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    return (await exchange(url, method="POST", headers=headers, body=body)).status

"""Places for telephone calls among the sessions of a server, and what serves a call in one.

async with sessions.place("twilio", address=peer) as place:     # Rejection: no room
    await place.serve(transport, telephony.Twilio())            # until the call is over
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from duologue.client.mappings import SessionInput
from duologue.clock import unix_time
from duologue.server.app import RealtimeApp
from duologue.server.http.authentication import Principal
from duologue.server.rejections import Rejection
from duologue.telephony.codecs.leg_codec import LegCodec
from duologue.telephony.serving.served_phone_call import ServedPhoneCall
from duologue.transports import Transport
from duologue.transports.asgi import Scope

__all__ = ["PhonePlace", "PhoneSessions"]


class PhoneSessions:
    """The telephone calls of one application. Its limits, taps, metrics and its drain are those of all sessions.

    All calls of a network have one owner, `phone twilio`: limits for each owner hold for them together.
    """

    def __init__(
        self, app: RealtimeApp, *, session: SessionInput | None = None, model: str | None = None, hang_up: bool = False
    ) -> None:
        """`session` is what a call's session is configured with, `model` what it is opened with; by default the
        server's own. With `hang_up` the model has a function that ends the call."""
        self._app = app
        self._session = session
        self._model = model
        self._hang_up = hang_up

    def check_room(self, network: str) -> None:
        """Raise Rejection if the server takes no more sessions, now or of this network. Reports nothing."""
        self._app.open_sessions.check_room(_owner(network))

    @asynccontextmanager
    async def place(self, network: str, *, address: str) -> AsyncGenerator[PhonePlace, None]:
        """A place for one call of this network, whose carrier has this address, for the length of a block.

        Raises:
            Rejection: the server takes no more sessions, now or of this network. It is counted and logged.
        """
        owner = _owner(network)
        try:
            await self._app.admission.take_rate(owner, unix_time())
            held = await self._app.open_sessions.place(owner)
        except Rejection as rejection:
            self.turned_away(rejection, network, address=address)
            raise
        with held:
            yield PhonePlace(self, network, owner=owner, address=address)

    async def reject(self, rejection: Rejection, network: str, scope: Scope) -> None:
        """Count and log what asked for a call and is not let in, and wait until it may be told: guesses are slowed."""
        await self._app.reject(rejection, scope, Principal(owner=_owner(network)))

    def turned_away(self, rejection: Rejection, network: str, *, address: str) -> None:
        """Count and log a call that is not served."""
        self._app.observer(address=address, owner=_owner(network)).turned_away(rejection.name)

    async def serve(self, transport: Transport, codec: LegCodec, place: PhonePlace) -> None:
        """As `PhonePlace.serve`."""
        call = ServedPhoneCall(
            self._app,
            transport,
            codec,
            network=place.network,
            owner=place.owner,
            address=place.address,
            session=self._session,
            model=self._model,
            hang_up=self._hang_up,
        )
        with self._app.open_sessions.counted(call, place.owner):
            await call.run()


def _owner(network: str) -> str:
    return f"phone {network}"


class PhonePlace:
    """A place for one call."""

    def __init__(self, sessions: PhoneSessions, network: str, *, owner: str, address: str) -> None:
        self._sessions = sessions
        self.network = network
        self.owner = owner
        self.address = address

    async def serve(self, transport: Transport, codec: LegCodec) -> None:
        """Serve a call over the connection that its carrier has opened, until it is over; closes the connection.

        Raises nothing for what a carrier, an upstream or an engine does: that is logged. Cancelling ends the call.
        """
        await self._sessions.serve(transport, codec, self)

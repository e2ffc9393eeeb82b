"""The network of one call, as it is asked: whether it can be, what it was asked, and whether it has answered."""

from __future__ import annotations

import asyncio
import logging

from duologue.errors import ConnectFailed, LocalProtocolError
from duologue.printable import printable
from duologue.telephony.codecs.leg_events import CallStarted
from duologue.telephony.control.call_control import CallControl, ControlRequest
from duologue.telephony.control.control_client import carry_out

__all__ = ["AskedNetwork"]

_logger = logging.getLogger(__name__)


class AskedNetwork:
    """Sends the requests of a control. Without one, calls end with their socket, and are not transferred."""

    def __init__(self, control: CallControl | None) -> None:
        self._control = control
        self.must_hang_up: bool = False
        """Whether `hang_up` has something to do."""
        self._answered = asyncio.Event()
        self._answered.set()

    def transfer_request(self, call: CallStarted, to: str) -> ControlRequest:
        """What a transfer asks. Raises LocalProtocolError without a control, and ValueError as `CallControl`."""
        if self._control is None:
            raise LocalProtocolError("this call cannot be transferred: give accept a control, as TwilioControl")
        return self._control.transfer(call, to)

    async def transfer(self, request: ControlRequest) -> bool:
        """As `carry_out`."""
        assert self._control is not None, "it has made the request"
        self._answered.clear()
        try:
            return await carry_out(self._control, request)
        finally:
            self._answered.set()

    async def answered(self) -> None:
        """Wait until a transfer is answered, 5 s at most: a network may close the socket before, because of it."""
        await self._answered.wait()

    async def hang_up(self, call: CallStarted) -> None:
        """End the call, if it must. A network that does not do it is logged."""
        must, self.must_hang_up = self.must_hang_up, False
        if not must or self._control is None:
            return
        try:
            if (request := self._control.hang_up(call)) is not None:
                await carry_out(self._control, request)
        except (ConnectFailed, ValueError) as fault:
            _logger.warning("a call that was hung up here may go on: %s", printable(str(fault)))

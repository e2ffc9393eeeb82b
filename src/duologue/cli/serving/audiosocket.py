"""--audiosocket: where Asterisk connects to, and which calls may."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from duologue.cli.errors import UsageError
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.secret_files import key_of
from duologue.printable import printable_name
from duologue.telephony.serving.audiosocket_calls import serving_audiosocket
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.transports.addresses import is_loopback

__all__ = ["AudioSocketPlace"]

_WAYS: Final = "DUOLOGUE_AUDIOSOCKET_ID or --audiosocket-id-file"


class AudioSocketPlace(Struct, frozen=True, kw_only=True):
    """The address that is listened on, and the id that calls tell."""

    host: str
    port: int
    call_id: str | None
    max_calls: int

    @classmethod
    def of(cls, options: ServeOptions, *, max_calls: int) -> AudioSocketPlace | None:
        """What the options say; None: AudioSocket is not asked for.

        Raises:
            UsageError: the address or the id is none, or other machines could call without an id.
        """
        call_id = _call_id(options)
        if options.audiosocket is None:
            if call_id is not None:
                raise UsageError(f"{_WAYS}: belongs to --audiosocket HOST:PORT")
            return None
        if options.workers is not None:
            raise UsageError("--audiosocket is for a server of one process: omit it, or --workers")
        host, port = _address(options.audiosocket)
        if call_id is not None and options.phone_open:
            raise UsageError(f"--phone-open lets everybody in: omit it, or {_WAYS}")
        if call_id is None and not options.phone_open and not is_loopback(f"http://{_bracketed(host)}"):
            raise UsageError(
                f"--audiosocket {printable_name(options.audiosocket)} lets other machines call at your expense: set "
                f"{_WAYS} to the UUID that the dialplan passes, listen on 127.0.0.1, or open it to everybody with "
                "--phone-open"
            )
        return cls(host=host, port=port, call_id=call_id, max_calls=max_calls)

    @asynccontextmanager
    async def listening(self, sessions: PhoneSessions) -> AsyncGenerator[None, None]:
        """Take calls for the length of a block. Raises UsageError: nothing can listen there."""
        try:
            taking = serving_audiosocket(
                sessions, host=self.host, port=self.port, call_id=self.call_id, max_calls=self.max_calls
            )
            await taking.__aenter__()
        except OSError as fault:
            raise UsageError(f"--audiosocket {self.shown}: cannot listen there: {fault.strerror or fault}") from fault
        try:
            yield
        finally:
            await taking.__aexit__(None, None, None)

    @property
    def shown(self) -> str:
        """As it is written on the command line."""
        return f"{_bracketed(self.host)}:{self.port}"


def _call_id(options: ServeOptions) -> str | None:
    given = key_of(options.audiosocket_id, options.audiosocket_id_file, option="--audiosocket-id")
    if given is None:
        return None
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise UsageError(f"{_WAYS}: it is no UUID, as uuidgen makes one") from None


def _address(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
        if host and port is not None and parts.netloc == text and parts.username is None:
            return host, port
    except ValueError:
        pass  # no number, or brackets that do not close
    raise UsageError(f"--audiosocket {printable_name(text)}: HOST:PORT is expected, as 127.0.0.1:8090")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

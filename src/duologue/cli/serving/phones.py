"""The telephone networks of --phone: how each shows who it is, by keys, and what calls are told of where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from duologue.cli.errors import UsageError
from duologue.cli.serving.audiosocket import AudioSocketPlace
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.secret_files import key_of
from duologue.printable import printable_name
from duologue.server import Limits, RealtimeApp
from duologue.telephony.serving.authentication import (
    AsteriskAuthentication,
    NetworkAuthentication,
    NoAuthentication,
    PlivoAuthentication,
    SignalWireAuthentication,
    TelnyxAuthentication,
    TwilioAuthentication,
    VonageAuthentication,
)
from duologue.telephony.serving.networks import NETWORKS
from duologue.telephony.serving.phone_app import PHONE_PATH, PhoneApp
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.transports.addresses import without_secrets

__all__ = ["Phones"]

_SECRETS: Final = {
    "twilio": ("twilio_auth_token",),
    "signalwire": ("signalwire_signing_key",),
    "telnyx": ("telnyx_public_key", "telnyx_token"),
    "plivo": ("plivo_auth_token",),
    "vonage": ("vonage_signature_secret",),
    "asterisk": ("asterisk_password",),
    "asterisk-plain": ("asterisk_password",),
}
"""Options that a network's authentication needs."""

_AUTHENTICATIONS: Final[dict[str, Callable[..., NetworkAuthentication]]] = {
    "twilio": TwilioAuthentication,
    "signalwire": SignalWireAuthentication,
    "telnyx": TelnyxAuthentication,
    "plivo": PlivoAuthentication,
    "vonage": VonageAuthentication,
    "asterisk": AsteriskAuthentication,
    "asterisk-plain": AsteriskAuthentication,
}

_STANDARD: Final = ServeOptions()


class Phones(Struct, frozen=True, kw_only=True):
    """The networks that call, and their authentications."""

    authentications: dict[str, NetworkAuthentication]
    audiosocket: AudioSocketPlace | None
    public_url: str | None
    hang_up: bool
    session: dict[str, Any] | None
    model: str | None

    @classmethod
    def of(cls, options: ServeOptions, limits: Limits) -> Phones | None:
        """What the options say; None: no network calls.

        Raises:
            UsageError: there is no such network, a key or the public URL is missing, or belongs to no network.
        """
        for name in options.phone:
            if name not in NETWORKS:
                raise UsageError(f"--phone {printable_name(name)}: known: {', '.join(NETWORKS)}")
        _check_belonging(options)
        audiosocket = AudioSocketPlace.of(options, max_calls=limits.sessions)
        if not options.phone and audiosocket is None:
            return None
        return cls(
            audiosocket=audiosocket,
            authentications={name: _authentication(name, options) for name in options.phone},
            public_url=_public_url(options),
            hang_up=options.phone_hang_up,
            session=_session(options),
            model=options.model[0] if options.model else None,
        )

    def mount(self, application: RealtimeApp) -> None:
        """Have the application take the calls."""
        if self.authentications:
            sessions = self._sessions(application)
            application.mount(PHONE_PATH, PhoneApp(sessions, self.authentications, public_url=self.public_url))

    def taking_calls(self, application: RealtimeApp) -> AbstractAsyncContextManager[None]:
        """Take the calls that come over TCP, for the length of a block. Raises UsageError: nothing can listen there."""
        return nullcontext() if self.audiosocket is None else self.audiosocket.listening(self._sessions(application))

    def _sessions(self, application: RealtimeApp) -> PhoneSessions:
        return PhoneSessions(application, session=self.session, model=self.model, hang_up=self.hang_up)

    def lines(self, url: str) -> Iterator[str]:
        """Where calls go, to be printed; `url` is that of the server's own socket."""
        parts = urlsplit(self.public_url or url)
        place = f"{parts.netloc}{parts.path if self.public_url else ''}"
        secure = parts.scheme in ("https", "wss")
        for name in self.authentications:
            socket = f"{'wss' if secure else 'ws'}://{place}/{PHONE_PATH}/{name}"
            page = f"{'https' if secure else 'http'}://{place}/{PHONE_PATH}/{name}/answer"
            if NETWORKS[name].answer is None:
                yield f"calls of {name} come in at {socket}"
            else:
                yield f"calls of {name} are answered by {page} and come in at {socket}"
        if self.audiosocket is not None:
            yield f"calls over AudioSocket come in at {self.audiosocket.shown}"


def _check_belonging(options: ServeOptions) -> None:
    """Raise UsageError for an option that does nothing."""
    for name in ("public_url", "phone_open", "phone_hang_up", "twilio_sha256"):
        of_audiosocket = name in ("phone_open", "phone_hang_up")
        is_idle = not options.phone and not (of_audiosocket and options.audiosocket is not None)
        if is_idle and getattr(options, name) != getattr(_STANDARD, name):
            more = " or --audiosocket HOST:PORT" if of_audiosocket else ""
            raise UsageError(f"--{name.replace('_', '-')} belongs to --phone NAME{more}")
    for network in _SECRETS:
        wanted = [each for each in options.phone if _SECRETS[each] == _SECRETS[network]]
        for name in _SECRETS[network]:
            given = getattr(options, name) or getattr(options, f"{name}_file", None)
            if given and not wanted:
                raise UsageError(f"{_ways(name)}: belongs to --phone {network}")


def _authentication(network: str, options: ServeOptions) -> NetworkAuthentication:
    names = _SECRETS[network]
    secrets = [
        key_of(getattr(options, name), getattr(options, f"{name}_file", None), option=f"--{name.replace('_', '-')}")
        for name in names
    ]
    if options.phone_open:
        if any(secrets):
            raise UsageError(f"--phone-open lets everybody in: omit it, or {_ways(names[0])}")
        return NoAuthentication()
    for name, value in zip(names, secrets, strict=True):
        if value is None:
            raise UsageError(
                f"--phone {network} needs a key, else strangers talk at your expense: set {_ways(name)}; "
                "or open it to everybody with --phone-open"
            )
    authentication = _AUTHENTICATIONS[network](*secrets)
    if isinstance(authentication, TwilioAuthentication) and options.twilio_sha256:
        return replace(authentication, algorithm="HMAC_SHA256")
    return authentication


def _ways(name: str) -> str:
    """How an option of a key is given."""
    flag = name.replace("_", "-")
    return f"DUOLOGUE_{name.upper()}" + (f" or --{flag}-file" if name != "telnyx_public_key" else f" or --{flag}")


def _public_url(options: ServeOptions) -> str | None:
    if options.public_url is None:
        named = [name for name in options.phone if NETWORKS[name].answer is not None]
        if named and not options.phone_open:
            raise UsageError(
                f"--phone {named[0]} needs --public-url https://HOST, as the network knows this server: the signatures "
                "are over it, and calls are sent there"
            )
        return None
    if not _is_plain_url(options.public_url):
        shown = printable_name(without_secrets(options.public_url))
        raise UsageError(f"--public-url {shown}: https://HOST is expected, with the path of a proxy perhaps")
    return options.public_url.rstrip("/")


def _is_plain_url(url: str) -> bool:
    """Whether it is a host and perhaps a path: networks are told this URL, which a password would be part of."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    is_plain = not (parts.query or parts.fragment or "@" in parts.netloc) and url.isprintable()
    return parts.scheme in ("https", "http", "wss", "ws") and bool(parts.hostname) and is_plain


def _session(options: ServeOptions) -> dict[str, Any] | None:
    """What an upstream is told of the sessions of calls; the server's own sessions begin with it anyway."""
    if options.upstream is None:
        return None
    session: dict[str, Any] = {"type": "realtime"}
    if options.instructions:
        session["instructions"] = options.instructions
    if options.voice != _STANDARD.voice:
        session["audio"] = {"output": {"voice": options.voice}}
    return session if len(session) > 1 else None

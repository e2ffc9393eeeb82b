"""Admission control: which clients may open a session or use the HTTP routes, and how their session starts."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.protocol import SessionKind
from duologue.protocol.model_kinds import kind_of_model
from duologue.server.allowances import Allowances
from duologue.server.dialect.adapter import BETA, BETA_SHAPED, asks_for_beta
from duologue.server.http.auth import Keys, digest, header, is_named, presented_keys, query, shows_two_keys
from duologue.server.http.authentication import Principal, identified
from duologue.server.http.client_secrets import PREFIX, ClientSecrets
from duologue.server.http.paths import AZURE, PATH, PATHS, is_translation, path_of
from duologue.server.limits import Limits
from duologue.server.networks import network_of
from duologue.server.rate_limit import Rates
from duologue.server.rejections import Rejection
from duologue.server.session_start import STRICT_DIALECTS, SessionStart
from duologue.server.shared.store import SharedStore
from duologue.transports.addresses import is_loopback
from duologue.transports.asgi import Scope

__all__ = ["ANY_ORIGIN", "Admission", "peer_of"]

ANY_ORIGIN: Final = "*"

_WRONG_KEY_DELAY_S: Final = 1.0
"""Slows a client that guesses keys, and hardly one behind the same proxy with a mistyped key."""

_GUESSES: Final = frozenset({"wrong_key", "unsigned_call"})
"""Names of rejections of a key, a password, a token or a signature that may have been guessed."""

_WRONG_KEYS_OF: Final = "wrong keys of "
"""Before an address, in place of an owner: a rate of its own."""

_INTENTS: Final[Mapping[str | None, SessionKind]] = {
    None: "realtime",
    "realtime": "realtime",
    "transcription": "transcription",
}
"""Kind of session by the query's `intent`."""


class Admission:
    """Checks origins, keys, models, dialects and rates. Stores and logs no key.

    `origins` are those of the web pages that may use the server. By default, with keys, all may: a page can only use a
    key that it was given. Without keys, only pages of this machine may: any page on the internet can have its visitor's
    browser connect to the visitor's machine, and by DNS rebinding under a name of its own. Programs other than browsers
    send no origin.
    """

    def __init__(
        self,
        *,
        keys: Keys,
        store: SharedStore,
        limits: Limits,
        origins: Iterable[str] | None = None,
        models: Sequence[str] = (),
        dialect: str = DEFAULT_DIALECT,
        refuse_beta: bool = False,
        lenient: bool = False,
        allowances: Allowances | None = None,
        authenticates: bool = False,
        admin_key: str | None = None,
    ) -> None:
        """`authenticates`: the application has an authentication of its own (`authentication.identify`). `admin_key`
        ends the server, and opens no session.

        Raises ValueError: the admin key is blank, or a key of callers too.
        """
        if admin_key is not None and (not admin_key.strip() or keys.owner_of(admin_key) is not None):
            raise ValueError("the admin key is empty, or a key of callers too: choose another one")
        self._admin = digest(admin_key) if admin_key is not None else None
        self._keys = keys
        self._requires_key = bool(len(keys)) or authenticates
        self._allowances = allowances or Allowances()
        self._store = store
        self._secrets = ClientSecrets(store)
        self._origins = None if origins is None else frozenset(origin.rstrip("/").lower() for origin in origins)
        self._models = tuple(models)
        self._dialect = dialect
        self._refuse_beta = refuse_beta
        self._lenient = lenient
        self._per_minute = limits.sessions_per_minute
        self._wrong_keys_per_minute = limits.wrong_keys_per_minute
        self._wrong_keys = Rates(per_minute=limits.wrong_keys_per_minute)

    @property
    def requires_key(self) -> bool:
        """Whether callers must show a key."""
        return self._requires_key

    def check_origin(self, scope: Scope) -> None:
        """Raise Rejection for a page that may not use this server."""
        origin = header(scope, "origin")
        if origin is not None and not self.allows(origin):
            raise Rejection("origin")

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may use the server."""
        if self._origins is None:
            return self._requires_key or is_loopback(origin)
        return ANY_ORIGIN in self._origins or origin.rstrip("/").lower() in self._origins

    def lacks_key(self, scope: Scope) -> bool:
        """Whether a key is required, and the client shows none. Raises Rejection: it shows two."""
        return self._requires_key and not _keys_of(scope) and identified(scope) is None

    async def principal_of(self, scope: Scope, *, unix_now_s: float) -> Principal:
        """The caller with a valid key or client secret. Raises Rejection."""
        shown = _keys_of(scope)
        for key in shown:
            if not key.startswith(PREFIX):
                continue
            if (found := await self._secrets.find(key, unix_now_s=unix_now_s)) is not None:
                owner, session_start = found
                return Principal(owner=owner, session_start=session_start, secret=digest(key).hex())
        if (known := self._known(scope)) is not None:
            return known
        if not self._requires_key:
            if any(key.startswith(PREFIX) for key in shown):
                # Without the secret's configuration, the session would not be the one that the client expects.
                raise Rejection("wrong_key")
            return Principal(owner=_address(scope))
        return Principal(owner=self._owner(shown))

    def owner_of(self, scope: Scope) -> str:
        """The owner for the HTTP routes, which require a real key. Raises Rejection."""
        shown = _keys_of(scope)
        if (known := self._known(scope)) is not None:
            return known.owner
        return self._owner(shown) if self._requires_key else _address(scope)

    def check_drain(self, scope: Scope) -> None:
        """Raise Rejection for a caller that may not end the server: all but those with the admin key; where there is
        none, all but those with a key that has no name."""
        shown = _keys_of(scope)
        if self._admin is None and not self._requires_key:
            raise Rejection("drain_without_key")
        if self._admin is not None and any(hmac.compare_digest(digest(key), self._admin) for key in shown):
            return
        if self._admin is not None or is_named(self.owner_of(scope)):
            self.owner_of(scope)  # an unknown key is said to be one
            raise Rejection("drain_of_a_caller")

    async def live_owner_of(self, scope: Scope, *, now: float, unix_now_s: float) -> str:
        """The owner of a Live session. Counts for its rate. Raises Rejection.

        A client secret has the configuration of a Realtime session, and opens no other.
        """
        principal = await self.principal_of(scope, unix_now_s=unix_now_s)
        start = principal.session_start
        if start.message is not None:
            raise Rejection("secret_of_another_kind", kind="translation" if start.translates else "Realtime")
        await self.take_rate(principal.owner, now)
        return principal.owner

    async def delay_s(self, rejection: Rejection, scope: Scope, *, now: float) -> float:
        """Seconds to wait before this rejection is sent: wrong keys, and calls without a right signature, above the
        rate are slowed, whichever worker or server of a store they come to. `now` is in Unix seconds."""
        per_minute = self._wrong_keys_per_minute
        if rejection.name not in _GUESSES or per_minute is None:
            return 0.0
        # The store is asked for what this process alone would allow: a flood of wrong keys does not reach it.
        peer = peer_of(scope)
        if not self._wrong_keys.take(peer, now):
            return _WRONG_KEY_DELAY_S
        try:
            taken = await self._store.take(f"{_WRONG_KEYS_OF}{peer}", per_minute=per_minute, now=now)
        except Rejection:
            return _WRONG_KEY_DELAY_S  # the store cannot be reached
        return 0.0 if taken else _WRONG_KEY_DELAY_S

    async def call_start_of(self, scope: Scope, principal: Principal, *, now: float) -> SessionStart:
        """The start of the session of a call. Counts for the principal's rate. Raises Rejection.

        A page that names no model, as the official package, gets the first one: the other way to say it, the model in a
        client secret, is for those who have a server.
        """
        return await self.session_start_of(scope, principal, now=now, default_model=next(iter(self._models), None))

    async def session_start_of(
        self, scope: Scope, principal: Principal, *, now: float, default_model: str | None = None
    ) -> SessionStart:
        """The start of the session that this principal requests. Counts for its rate. Raises Rejection."""
        await self.take_rate(principal.owner, now)
        session_start = self._session_start_of(scope, principal, default_model)
        allowed, model = self._allowances.of(principal.owner).models, session_start.model
        # A session that only transcribes answers with no model.
        if allowed and model not in allowed and not (model is None and session_start.kind == "transcription"):
            raise Rejection("wrong_model", model=model) if model is not None else Rejection("no_model")
        return session_start

    def _session_start_of(self, scope: Scope, principal: Principal, default_model: str | None) -> SessionStart:
        parameters = query(scope)
        if is_translation(scope):
            return self._translation_start_of(parameters, principal)
        if principal.session_start.translates:
            raise Rejection("secret_of_another_kind", kind="translation")
        dialect = self.dialect_of(scope)
        strict = dialect in STRICT_DIALECTS and not self._lenient
        session_start = principal.session_start
        if session_start.message is None:
            intent = parameters.get("intent", [None])[0]
            if strict and intent not in _INTENTS:
                raise Rejection("wrong_intent", intent=intent)
            session_start = msgspec.structs.replace(session_start, kind=_INTENTS.get(intent, "realtime"))
        # Azure names a model by its deployment.
        named = (parameters.get(name, [""])[0] for name in ("model", "deployment"))
        model = session_start.model or next((name for name in named if name), default_model)
        if strict:
            self._check_model(session_start, model, scope)
        # A transcription session of the hosted service names its model later, in its configuration.
        if self._models and not (strict and session_start.kind == "transcription" and model is None):
            if model is None:
                raise Rejection("no_model")
            if model not in self._models:
                raise Rejection("wrong_model", model=model)
        # In a dialect without output audio, sessions only transcribe.
        kind = session_start.kind if PROFILES[dialect].output_rates_hz else "transcription"
        return msgspec.structs.replace(session_start, model=model, kind=kind, dialect=dialect)

    def _translation_start_of(self, parameters: Mapping[str, Sequence[str]], principal: Principal) -> SessionStart:
        """The start of a translation session, which no intent, dialect or beta changes. Raises Rejection."""
        session_start = principal.session_start
        if session_start.message is not None and not session_start.translates:
            raise Rejection("secret_of_another_kind", kind="Realtime")
        if "intent" in parameters and not self._lenient:
            raise Rejection("intent_of_translation")
        model = session_start.model or next(iter(parameters.get("model", ())), None) or None
        is_checked = model is not None and model not in self._models and not self._lenient
        if is_checked and kind_of_model(model or "") not in (None, "translation"):
            raise Rejection("model_not_for_translation", model=model)
        if self._models and model not in self._models:
            raise Rejection("wrong_model", model=model) if model is not None else Rejection("no_model")
        return msgspec.structs.replace(session_start, model=model, translates=True, dialect=DEFAULT_DIALECT)

    def _check_model(self, session_start: SessionStart, model: str | None, scope: Scope) -> None:
        """Raise Rejection for a model that the hosted service refuses in this kind of session."""
        if session_start.message is not None or model is None:
            return
        if session_start.kind == "transcription":
            # Azure's clients name the deployment that transcribes.
            if not path_of(scope).startswith(AZURE):
                raise Rejection("model_of_transcription")
        elif kind_of_model(model) not in (None, "realtime") and model not in self._models:
            raise Rejection("model_of_another_kind", model=model)

    def dialect_of(self, scope: Scope) -> str:
        path = path_of(scope)
        of_path = PATHS.get(path)
        # Calls were made on the path of WebSockets in the beta alone, by pages that do not say so in a header.
        asks = asks_for_beta(header(scope, "openai-beta") or "", scope.get("subprotocols") or ()) or (
            scope["type"] == "http" and path.removeprefix(AZURE) == PATH
        )
        if self._refuse_beta and (asks or of_path in BETA_SHAPED):
            raise Rejection("beta")
        if of_path is not None:
            return of_path
        return BETA if asks and self._dialect == DEFAULT_DIALECT else self._dialect

    def _owner(self, shown: Sequence[str]) -> str:
        owners = [owner for key in shown if (owner := self._keys.owner_of(key)) is not None]
        if owners:
            return owners[0]
        raise Rejection("wrong_key" if shown else "no_key")

    def _known(self, scope: Scope) -> Principal | None:
        """The caller as the application knows it. Raises Rejection."""
        found = identified(scope)
        if found is not None:
            self._allowances.note(found.owner, found.allowance)
        return found

    async def take_rate(self, owner: str, now: float) -> None:
        """Count one more session of this owner. Raises Rejection."""
        per_minute = self._allowances.of(owner).sessions_per_minute or self._per_minute
        if per_minute is None:
            # Whether or not this session needs the store, so that it does not depend on the caller who is served.
            if await self._store.fault() is not None:
                raise Rejection("no_store")
        elif not await self._store.take(owner, per_minute=per_minute, now=now):
            raise Rejection("rate")


def peer_of(scope: Scope) -> str:
    """The address of the client or proxy that has connected; for IPv6, its network."""
    client = scope.get("client")
    return network_of(client[0] if client else None)


def _address(scope: Scope) -> str:
    return f"address {peer_of(scope)}"


def _keys_of(scope: Scope) -> list[str]:
    if shows_two_keys(scope):
        raise Rejection("two_keys")
    return presented_keys(scope)

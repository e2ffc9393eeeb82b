"""Every exception that duologue raises on purpose, as one tree.

DuologueError
├── ProtocolError
│   ├── LocalProtocolError      you asked for something that is not legal now
│   │   └── NotConnected        the connection is lost, and another one is being opened
│   └── RemoteProtocolError     the peer broke the protocol
│       └── DecodeError         the text is not a JSON object
├── ConnectFailed               no session was opened; `.retryable` says whether trying again can help
│   ├── AuthenticationFailed    the server does not accept the key
│   └── ModelNotFound           the server has no such model
├── ConnectionClosed            the session is over; code, reason and the `error` event that preceded it
│   ├── ConnectionClosedOK
│   └── ConnectionClosedError
│       └── SessionLost         a Live session broke off; it can be forked if it is stored, and not resumed
├── RequestRejected             the server rejected a command, or gave no response; holds the `error` that answered it
├── StreamOverflow              a stream of notices was not read for too long
├── SignatureRejected           a carrier's request or a webhook is not signed by who it should be from
├── EngineError                 a speech engine failed
│   └── MissingExtra            an optional dependency is not installed; names the extra
├── AudioError                  audio that cannot be read or converted
└── RecordingError              not a recording, a newer version, or a damaged line

A class exists only where a caller would catch it differently from its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from duologue.printable import printable

if TYPE_CHECKING:
    from duologue.events import ErrorEvent

__all__ = [
    "AudioError",
    "AuthenticationFailed",
    "ConnectFailed",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "DecodeError",
    "DuologueError",
    "EngineError",
    "LocalProtocolError",
    "MissingExtra",
    "ModelNotFound",
    "NotConnected",
    "ProtocolError",
    "RecordingError",
    "RemoteProtocolError",
    "RequestRejected",
    "SessionLost",
    "SignatureRejected",
    "StreamOverflow",
]


_MAX_CHARACTERS: Final = 2000
"""Of an exception's message: it may quote a peer, and ends up in logs and on terminals."""


class DuologueError(Exception):
    """Base of everything that duologue raises on purpose.

    Its message is one line without control characters, also where it quotes a peer; attributes keep a peer's words as
    they came.
    """

    def __str__(self) -> str:
        return printable(super().__str__(), max_characters=_MAX_CHARACTERS)


class ProtocolError(DuologueError):
    """The Realtime protocol was broken by one of the two sides."""


class LocalProtocolError(ProtocolError):
    """This side tried something that is not legal in the present state."""


class NotConnected(LocalProtocolError):
    """The connection is lost, and another one is being opened: nothing can be sent before `SessionRestored`."""


class RemoteProtocolError(ProtocolError):
    """The peer did something that the protocol does not allow."""


class DecodeError(RemoteProtocolError, ValueError):
    """A message is not a JSON object.

    Carries its size and, where the parser knows it, the position of the fault; never the payload, which may hold
    speech or keys.
    """

    def __init__(self, reason: str, *, size_bytes: int, position: int | None = None) -> None:
        where = "" if position is None else f" at byte {position}"
        super().__init__(f"not a JSON object: {reason}{where} (message of {size_bytes} bytes)")
        self.reason = reason
        """The parser's words."""
        self.size_bytes = size_bytes
        """Of the message."""
        self.position = position
        """The byte at which it went wrong; None where the parser does not know."""


class ConnectFailed(DuologueError):
    """No session was opened: rejected, unauthorised, unreachable or timed out."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        status: int | None = None,
        retry_after: float | None = None,
        error: ErrorEvent | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        """Whether another try may succeed without a change."""
        self.retry_after = retry_after
        """How many seconds the server asks to wait before another try; None where it does not say."""
        self.error = error
        """The `error` event with which the server refused the session, if there was one."""
        self.status = status
        """The HTTP status of a rejected handshake; None without an answer, or where the answer is no rejection."""


class AuthenticationFailed(ConnectFailed):
    """The server does not accept the key: by the HTTP status of the handshake, or by an `error` event behind it."""


class ModelNotFound(ConnectFailed):
    """The server has no model of this name, or this key may not use it."""


class ConnectionClosed(DuologueError):
    """The connection is closed; nothing can be sent or received any more.

    `error` is the last `error` event read before the close: servers explain a rejection there, one frame before
    they close.
    """

    def __init__(self, code: int, reason: str = "", *, error: ErrorEvent | None = None) -> None:
        text = f"connection closed with code {code}"
        if reason:
            text += f" ({reason})"
        if error is not None:
            text += f": {error.error.message}"
        super().__init__(text)
        self.code = code
        """The code of the WebSocket's close; 1006 for a connection that broke."""
        self.reason = reason
        """The peer's words; empty where it gave none."""
        self.error = error
        """The last `error` event read before the close, if there was one."""


class ConnectionClosedOK(ConnectionClosed):
    """Closed as agreed: code 1000 or 1001 and no `error` before it."""


class ConnectionClosedError(ConnectionClosed):
    """Closed by a failure: any other code, or an `error` event right before the close."""


class SessionLost(ConnectionClosedError):
    """A Live session broke off: its connection was lost, or it did not end as agreed. Live has no resume.

    `can_fork` says whether the server was asked to store it: then `fork` goes on with it, under another id.
    """

    def __init__(self, reason: str, *, code: int, session_id: str | None, can_fork: bool) -> None:
        super().__init__(code, reason)
        way = (
            "it was stored, so fork() goes on with it as another session"
            if can_fork
            else "begin another one with what was said as its `input`, and ask for `store` to be able to fork"
        )
        self.args: tuple[Any, ...] = (f"the Live session is lost, and cannot be resumed: {way} ({reason})",)
        self.session_id = session_id
        """For `fork`; None if the session had no id yet."""
        self.can_fork = can_fork
        """Whether the server was asked to store it."""


class RequestRejected(DuologueError):
    """A command was rejected, or a request for a response ended without one. `error` is the event that answered it."""

    def __init__(self, reason: str, *, error: ErrorEvent | None = None) -> None:
        super().__init__(
            reason if error is None or reason.endswith(error.error.message) else f"{reason}: {error.error.message}"
        )
        self.reason = reason
        """In a sentence."""
        self.error = error
        """None where no event answered it."""


class StreamOverflow(DuologueError):
    """A stream of notices was not read for too long, and has been closed. The conversation goes on."""


class SignatureRejected(DuologueError):
    """A carrier's request, or a webhook, is not signed with the secret that is known. Answer 403, or 400 to a
    webhook of OpenAI, and say no more."""


class EngineError(DuologueError):
    """A speech engine could not be loaded or failed at work.

    `quote` is the message of another party, such as an endpoint. It goes to the client and into no log: it may repeat
    what was said in the conversation, or a key. With `for_client`, a client is told this sentence and nothing else.
    """

    def __init__(self, message: str, *, engine: str, quote: str = "", for_client: str = "") -> None:
        self.engine = engine
        """The name of the engine, or of the package that is missing."""
        self.for_client = for_client
        """The one sentence that a client is told; empty: the message."""
        self.unquoted: str = f"{engine}: {message}"
        """The same without the quote, for logs."""
        super().__init__(f"{self.unquoted}: {quote}" if quote else self.unquoted)


class MissingExtra(EngineError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(f"not installed; run: pip install 'duologue[{extra}]'", engine=what)
        self.extra = extra
        """For `pip install 'duologue[EXTRA]'`."""


class AudioError(DuologueError):
    """Audio that cannot be read, or a format that cannot be converted."""


class RecordingError(DuologueError):
    """A file is not a recording, comes from a newer version, or is damaged."""

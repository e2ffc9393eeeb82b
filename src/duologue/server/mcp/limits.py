"""Limits on what an MCP server, or a session that names one, may cost this process, each with its reason."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CLOSE_IDLE_S",
    "CONNECT_S",
    "LAST_CHUNK_S",
    "MAX_ANSWER_BYTES",
    "MAX_ARGUMENT_CHARACTERS",
    "MAX_CONNECTIONS",
    "MAX_CURSOR_CHARACTERS",
    "MAX_DEPTH",
    "MAX_ERROR_CHARACTERS",
    "MAX_EVENTS",
    "MAX_HEADERS",
    "MAX_HEADER_CHARACTERS",
    "MAX_HEAD_BYTES",
    "MAX_IDLE_CONNECTIONS",
    "MAX_LINES",
    "MAX_LIST_BYTES",
    "MAX_MESSAGE_BYTES",
    "MAX_NOTIFICATIONS",
    "MAX_OUTPUT_CHARACTERS",
    "MAX_PAGES",
    "MAX_PIECES",
    "MAX_READS",
    "MAX_REPLIES",
    "MAX_SCHEMAS",
    "MAX_SERVERS",
    "MAX_SESSION_CONNECTIONS",
    "MAX_SESSION_ID_CHARACTERS",
    "MAX_TOOLS",
    "MAX_VALUES",
    "MAX_WIRE_BYTES",
    "NOTIFY_S",
    "READ_BYTES",
    "REPLY_S",
]

# --- connections

MAX_SERVERS: Final = 16  # of one session; it cannot offer more at a time
MAX_SESSION_CONNECTIONS: Final = 16  # one for each of its servers, so that a silent one delays no other
MAX_IDLE_CONNECTIONS: Final = 2  # of one session: a call follows a call at one server or two
MAX_CONNECTIONS: Final = 256  # of the process, with idle ones: a quarter of the usual 1,024 file descriptors
CONNECT_S: Final = 5.0  # each for DNS, TCP and TLS; a server that needs longer is down
CLOSE_IDLE_S: Final = (
    15.0  # a conversation's next call comes within a few turns; after that, a new handshake costs little
)
NOTIFY_S: Final = 1.0  # for a request whose answer is not needed: the end of an MCP session, or of a call
MAX_NOTIFICATIONS: Final = 64  # at a time in the process; beyond it, the MCP server's own timeouts end its sessions
REPLY_S: Final = 2.0  # to answer a request of the MCP server, while its answer to ours waits

# --- an answer, as bytes

READ_BYTES: Final = 4096  # at a time, so that parsing HTTP blocks the event loop no longer than that takes
MAX_READS: Final = 5_000  # of one answer; a server that sends single bytes costs a wake-up each
MAX_HEAD_BYTES: Final = (
    64 * 1024
)  # of an answer's headers and of interim (1xx) answers, of which there may be any number
MAX_WIRE_BYTES: Final = 4 * 1024 * 1024  # of one answer with its headers and framing: twice its content
MAX_PIECES: Final = 5_000  # of one answer: a chunk may hold a single byte
MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024  # progress and log messages precede the result in the same stream
MAX_EVENTS: Final = 1_000  # of one answer: one a second for a quarter of an hour
MAX_LINES: Final = 20_000  # of one answer that is a stream; an event has four at most
LAST_CHUNK_S: Final = 0.05  # for the end of a stream after its answer: a connection is reused only after its last chunk

# --- an answer, as JSON

MAX_MESSAGE_BYTES: Final = 1024 * 1024  # a hundred tools with long schemas, or an output longer than any model reads
MAX_VALUES: Final = 20_000  # in one message; as many take 2 ms to decode, for which all sessions wait
MAX_DEPTH: Final = 64  # of lists and objects; real schemas nest some twenty deep, and JSON readers recurse
MAX_REPLIES: Final = 16  # to requests of the MCP server, in one answer

# --- tools

MAX_PAGES: Final = 20  # of a list of tools; a server may give a next page for ever
MAX_LIST_BYTES: Final = 1024 * 1024  # over all pages; a session keeps its lists, and sends them to the client
MAX_SCHEMAS: Final = 4_000  # within the schema of a tool that wants headers; 4,000 take 3 ms to search
MAX_TOOLS: Final = 1_000  # of one server; no model chooses well among a hundred
MAX_CURSOR_CHARACTERS: Final = 4_096  # each is sent back
MAX_ARGUMENT_CHARACTERS: Final = 100_000  # of one call, as JSON: as long as its output may be
MAX_OUTPUT_CHARACTERS: Final = 100_000  # 25,000 tokens: more would crowd the conversation out of the model's context
MAX_ERROR_CHARACTERS: Final = 1_000  # one or two sentences: the client shows them, and the model reads them

# --- headers

MAX_HEADERS: Final = 64  # of a request: those of the session, and those that a tool wants
MAX_HEADER_CHARACTERS: Final = 8_192  # of all of them together: what common servers accept
MAX_SESSION_ID_CHARACTERS: Final = 1_024  # it is sent with each request; some are signed tokens

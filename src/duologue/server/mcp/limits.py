"""What an MCP server, or a session that names one, may cost this process: each bound with its reason."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CLOSE_IDLE_S",
    "CONNECT_S",
    "FAREWELL_S",
    "LAST_CHUNK_S",
    "MAX_ANSWER_BYTES",
    "MAX_ARGUMENT_CHARACTERS",
    "MAX_CONNECTIONS",
    "MAX_CURSOR_CHARACTERS",
    "MAX_DEPTH",
    "MAX_ERROR_CHARACTERS",
    "MAX_EVENTS",
    "MAX_FAREWELLS",
    "MAX_HEADERS",
    "MAX_HEADER_CHARACTERS",
    "MAX_HEAD_BYTES",
    "MAX_IDLE_CONNECTIONS",
    "MAX_LINES",
    "MAX_LIST_BYTES",
    "MAX_MARKED_SCHEMAS",
    "MAX_MESSAGE_BYTES",
    "MAX_OUTPUT_CHARACTERS",
    "MAX_PAGES",
    "MAX_PIECES",
    "MAX_READS",
    "MAX_REPLIES",
    "MAX_SERVERS",
    "MAX_SESSION_CONNECTIONS",
    "MAX_SESSION_ID_CHARACTERS",
    "MAX_TOOLS",
    "MAX_VALUES",
    "MAX_WIRE_BYTES",
    "READ_BYTES",
    "REPLY_S",
]

# --- connections

MAX_SERVERS: Final = 16  # of one session; it cannot offer more at a time
MAX_SESSION_CONNECTIONS: Final = 16  # one for each of its servers, so that a silent one delays no other
MAX_IDLE_CONNECTIONS: Final = 2  # of one session: a call follows a call at one server or two
MAX_CONNECTIONS: Final = 256  # of the process, idle ones too: a quarter of the usual 1,024 descriptors
CONNECT_S: Final = 5.0  # for the name, the connection and TLS, each; a server that needs longer is down
CLOSE_IDLE_S: Final = 15.0  # a conversation's next call comes within a few turns; later, a handshake is no matter
FAREWELL_S: Final = 1.0  # for what needs no answer: the end of a session over there, or of a call
MAX_FAREWELLS: Final = 64  # under way at a time in the process; beyond it the other side's own time-out must do
REPLY_S: Final = 2.0  # for an answer to what the MCP server asks of its client, while its own answer waits

# --- an answer, as bytes

READ_BYTES: Final = 4096  # at a time, so that no parser of HTTP keeps the event loop longer than that takes
MAX_READS: Final = 5_000  # of one answer; a server that sends single bytes costs a wake-up each
MAX_HEAD_BYTES: Final = 64 * 1024  # of an answer's headers, and of interim answers, which may come without end
MAX_WIRE_BYTES: Final = 4 * 1024 * 1024  # of one answer with its headers and framing: twice its content
MAX_PIECES: Final = 5_000  # of one answer: chunks may hold a byte each
MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024  # progress and log messages come before the result, in the same stream
MAX_EVENTS: Final = 1_000  # of one answer: one a second for a quarter of an hour
MAX_LINES: Final = 20_000  # of one answer that is a stream; an event has four at most
LAST_CHUNK_S: Final = 0.05  # for the end of a stream whose answer is there: a connection read to its end serves again

# --- an answer, as JSON

MAX_MESSAGE_BYTES: Final = 1024 * 1024  # a hundred tools with long schemas, or an output that no model reads to its end
MAX_VALUES: Final = 20_000  # in one message; as many take 2 ms to decode, which on the event loop are everyone's
MAX_DEPTH: Final = 64  # of lists and objects; real schemas nest some twenty deep, and readers recurse
MAX_REPLIES: Final = 16  # in one answer, to requests of the MCP server

# --- tools

MAX_PAGES: Final = 20  # of a list of tools; its end may never come
MAX_LIST_BYTES: Final = 1024 * 1024  # over all pages; a session keeps its lists, and sends them to the client
MAX_MARKED_SCHEMAS: Final = 4_000  # within the schema of a tool that wants headers; looking through takes 3 ms
MAX_TOOLS: Final = 1_000  # of one server; no model chooses well among a hundred
MAX_CURSOR_CHARACTERS: Final = 4_096  # it is sent back
MAX_ARGUMENT_CHARACTERS: Final = 100_000  # of one call, as JSON: as much as may come back
MAX_OUTPUT_CHARACTERS: Final = 100_000  # 25,000 tokens: more would push the conversation out of the model's window
MAX_ERROR_CHARACTERS: Final = 1_000  # a sentence or two: the client shows it, and the model reads it

# --- headers

MAX_HEADERS: Final = 64  # of a request: those that a session gives, and those that a tool wants beside its arguments
MAX_HEADER_CHARACTERS: Final = 8_192  # of all of them together: what common servers take
MAX_SESSION_ID_CHARACTERS: Final = 1_024  # it is sent with each request; some are signed tokens

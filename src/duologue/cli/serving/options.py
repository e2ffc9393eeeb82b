"""The options of `duologue serve`: one table, from which the command line, the environment and the file are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from duologue.cli.local_server import KEY_VARIABLE
from duologue.cli.log_format import LogFormat, LogLevel
from duologue.server import DrainManner

__all__ = ["INSPECT_KEEP", "RECORD_LIMIT", "ServeOptions"]

RECORD_LIMIT: Final = "10GB"
"""A client may talk as long as it likes, and ten of them fill it in three hours: an hour of a call has 300 MB."""

INSPECT_KEEP: Final = 50

_LISTENING: Final = Group("Listening", sort_key=1)
_ADMISSION: Final = Group("Who may use it, and how much", sort_key=2)
_SESSIONS: Final = Group("Sessions", sort_key=3)
_ENGINES: Final = Group("Engines", sort_key=4)
_RELAY: Final = Group("Relay, instead of engines", sort_key=5)
_PHONE: Final = Group("Telephone", sort_key=6)
_OPERATION: Final = Group("Operation", sort_key=7)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Options of `serve`. Each is also a variable of the environment and a key of a file: see `option_sources`."""

    config: Annotated[
        Path | None,
        Parameter(
            group=_OPERATION,
            help="Read options from the table [serve] of this TOML file. Arguments and the environment go before it.",
        ),
    ] = None
    host: Annotated[
        str, Parameter(group=_LISTENING, help="Address to listen on; 0.0.0.0 accepts connections from other machines.")
    ] = "127.0.0.1"
    port: Annotated[int, Parameter(group=_LISTENING, help="Port to listen on; 0 chooses a free one.")] = 8000
    tls_cert: Annotated[
        Path | None, Parameter(group=_LISTENING, help="Serve wss:// with this certificate and its chain, in PEM.")
    ] = None
    tls_key: Annotated[
        Path | None, Parameter(group=_LISTENING, help="Key of --tls-cert, if it is in another file.")
    ] = None
    fd: Annotated[
        int | None,
        Parameter(
            group=_LISTENING,
            help="Listen on the socket with this descriptor, which the parent process has opened, in place of --host "
            "and --port. One that systemd passes (socket activation) is taken without it.",
        ),
    ] = None
    reuse_port: Annotated[
        bool,
        Parameter(
            group=_LISTENING,
            negative="",
            help="Let other servers of the same user listen on the port too (SO_REUSEPORT): a successor, before this "
            "one ends.",
        ),
    ] = False
    no_webrtc: Annotated[
        bool, Parameter(group=_LISTENING, negative="", help="Serve WebSockets alone, no calls over WebRTC.")
    ] = False
    udp_ports: Annotated[
        str | None,
        Parameter(
            group=_LISTENING,
            help="UDP ports of calls over WebRTC, as 40000-40100, for firewalls and containers. A call takes one of "
            "each address of the machine. By default any.",
        ),
    ] = None
    public_address: Annotated[
        str | None,
        Parameter(
            group=_LISTENING,
            help="Address at which callers over WebRTC reach the UDP ports: of the machine, where this is a container, "
            "or of the router in front. By default the machine's own addresses.",
        ),
    ] = None
    webrtc_stack: Annotated[
        str | None, Parameter(group=_LISTENING, help="Implementation of WebRTC; a wrong name lists them all.")
    ] = None
    api_key: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION,
            help=f"Serve only clients that present this key. May be given more than once. Better in the environment: "
            f"{KEY_VARIABLE}, keys separated by commas.",
        ),
    ] = ()
    key_file: Annotated[
        Path | None,
        Parameter(
            group=_ADMISSION,
            help="Serve only clients that present a key of this TOML file, which gives their callers names and limits.",
        ),
    ] = None
    admin_key: Annotated[
        str | None,
        Parameter(
            group=_ADMISSION,
            help="Let this key alone end the server by POST /v1/admin/drain; it opens no session. By default each "
            "--api-key may. By DUOLOGUE_ADMIN_KEY or in the file of --config, never here.",
        ),
    ] = None
    admin_key_file: Annotated[Path | None, Parameter(group=_ADMISSION, help="File with the key of --admin-key.")] = None
    allow_origin: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION,
            help="Accept browser pages of this origin only, * for any. May be given more than once. By default any if "
            "a key is required, else those of this machine.",
        ),
    ] = ()
    llm: Annotated[
        str | None, Parameter(group=_ENGINES, help="Answer with a chat endpoint: its URL without /chat/completions.")
    ] = None
    llm_model: Annotated[str | None, Parameter(group=_ENGINES, help="Model of --llm.")] = None
    llm_key: Annotated[
        str | None, Parameter(group=_ENGINES, help="Key for --llm; better in the environment: DUOLOGUE_LLM_KEY.")
    ] = None
    llm_key_file: Annotated[Path | None, Parameter(group=_ENGINES, help="File with the key for --llm.")] = None
    llm_file: Annotated[
        Path | None, Parameter(group=_ENGINES, help="Answer with a language model in this process: its GGUF file.")
    ] = None
    model: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION,
            help="Accept this model name and reject others. May be given more than once. By default any name.",
        ),
    ] = ()
    voice: Annotated[str, Parameter(group=_SESSIONS, help="Voice of sessions that do not set one.")] = "alloy"
    instructions: Annotated[str, Parameter(group=_SESSIONS, help="Instructions of sessions that do not set any.")] = ""
    detector: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the voice detector.")] = None
    transcriber: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the transcriber.")] = None
    transcriber_url: Annotated[
        str | None,
        Parameter(group=_ENGINES, help="Transcribe with this service: its URL without /audio/transcriptions."),
    ] = None
    transcriber_model: Annotated[str | None, Parameter(group=_ENGINES, help="Model of --transcriber-url.")] = None
    transcriber_key: Annotated[
        str | None,
        Parameter(
            group=_ENGINES,
            help="Key for --transcriber-url: by DUOLOGUE_TRANSCRIBER_KEY or in the file of --config, never here.",
        ),
    ] = None
    transcriber_key_file: Annotated[
        Path | None, Parameter(group=_ENGINES, help="File with the key for --transcriber-url.")
    ] = None
    responder: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the responder.")] = None
    synthesizer: Annotated[str | None, Parameter(group=_ENGINES, help="Name of the synthesizer.")] = None
    synthesizer_url: Annotated[
        str | None, Parameter(group=_ENGINES, help="Speak with this service: its URL without /audio/speech.")
    ] = None
    synthesizer_model: Annotated[str | None, Parameter(group=_ENGINES, help="Model of --synthesizer-url.")] = None
    synthesizer_voice: Annotated[
        str | None,
        Parameter(group=_ENGINES, help="Voice of --synthesizer-url for names that it does not have."),
    ] = None
    synthesizer_key: Annotated[
        str | None,
        Parameter(
            group=_ENGINES,
            help="Key for --synthesizer-url: by DUOLOGUE_SYNTHESIZER_KEY or in the file of --config, never here.",
        ),
    ] = None
    synthesizer_key_file: Annotated[
        Path | None, Parameter(group=_ENGINES, help="File with the key for --synthesizer-url.")
    ] = None
    translator: Annotated[
        str | None,
        Parameter(
            group=_ENGINES,
            help="Name of the translator; by default --llm, else echo, which says the words again untranslated.",
        ),
    ] = None
    engine_option: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ENGINES,
            help="KIND.NAME=VALUE: an option of an engine, as transcriber.language=de. May be given more than once.",
        ),
    ] = ()
    dialect: Annotated[
        str,
        Parameter(
            group=_SESSIONS,
            help="Answer in this vendor's dialect: openai-beta, qwen, xai …; a wrong name lists them all.",
        ),
    ] = "openai"
    mcp: Annotated[
        tuple[str, ...],
        Parameter(
            group=_SESSIONS,
            help="Let sessions use the tools of MCP servers at this address or below it; * for any, which lets clients "
            "reach every address that this machine can reach. May be given more than once. By default none.",
        ),
    ] = ()
    lenient: Annotated[
        bool,
        Parameter(
            group=_SESSIONS,
            help="Tolerate and log faults of clients that the hosted service rejects, where they do no harm.",
        ),
    ] = False
    refuse_beta: Annotated[
        bool, Parameter(group=_ADMISSION, help="Reject clients that request the beta, as the hosted service does.")
    ] = False
    upstream: Annotated[
        str | None, Parameter(group=_RELAY, help="Relay all sessions to the realtime API at this URL.")
    ] = None
    upstream_dialect: Annotated[
        str | None, Parameter(group=_RELAY, help="Dialect of --upstream; by default derived from its URL, else openai.")
    ] = None
    upstream_key: Annotated[
        str | None,
        Parameter(group=_RELAY, help="Key for --upstream; better in the environment: DUOLOGUE_UPSTREAM_KEY."),
    ] = None
    upstream_key_file: Annotated[Path | None, Parameter(group=_RELAY, help="File with the key for --upstream.")] = None
    upstream_model: Annotated[
        str | None, Parameter(group=_RELAY, help="Model to request from --upstream; by default the client's.")
    ] = None
    limit: Annotated[
        tuple[str, ...],
        Parameter(
            group=_ADMISSION, help="NAME=NUMBER, such as sessions=200 or idle_s=600. May be given more than once."
        ),
    ] = ()
    phone: Annotated[
        tuple[str, ...],
        Parameter(
            group=_PHONE,
            help="Take calls of this telephone network, at /phone/NAME: twilio, signalwire, telnyx, plivo, vonage, "
            "asterisk, or asterisk-plain for the older control messages. May be given more than once.",
        ),
    ] = ()
    public_url: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="URL of this server as networks know it, https://voice.example.com: what they sign names it.",
        ),
    ] = None
    phone_open: Annotated[
        bool,
        Parameter(
            group=_PHONE,
            negative="",
            help="Take calls of everybody who can reach the server, unsigned: for tests on this machine.",
        ),
    ] = False
    phone_hang_up: Annotated[
        bool,
        Parameter(
            group=_PHONE, negative="", help="Give the model of a call the function hang_up, which ends the call."
        ),
    ] = False
    twilio_sha256: Annotated[
        bool,
        Parameter(
            group=_PHONE,
            negative="",
            help="Twilio signs with SHA-256 and a shared key, which stands in place of the auth token.",
        ),
    ] = False
    twilio_auth_token: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="Auth token of the account, for --phone twilio: by "
            "DUOLOGUE_TWILIO_AUTH_TOKEN or in the file of --config, never here.",
        ),
    ] = None
    twilio_auth_token_file: Annotated[
        Path | None, Parameter(group=_PHONE, help="File with this key, for --phone twilio.")
    ] = None
    signalwire_signing_key: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="Signing key of the space, for --phone signalwire: by "
            "DUOLOGUE_SIGNALWIRE_SIGNING_KEY or in the file of --config, never here.",
        ),
    ] = None
    signalwire_signing_key_file: Annotated[
        Path | None, Parameter(group=_PHONE, help="File with this key, for --phone signalwire.")
    ] = None
    telnyx_public_key: Annotated[
        str | None,
        Parameter(
            group=_PHONE, help="Key with which Telnyx' webhooks are checked, for --phone telnyx. It is no secret."
        ),
    ] = None
    telnyx_token: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="A secret of your own that streams show (stream_auth_token), for --phone telnyx: by "
            "DUOLOGUE_TELNYX_TOKEN or in the file of --config, never here.",
        ),
    ] = None
    telnyx_token_file: Annotated[Path | None, Parameter(group=_PHONE, help="File with it, for --phone telnyx.")] = None
    plivo_auth_token: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="Auth token of the account, for --phone plivo: by "
            "DUOLOGUE_PLIVO_AUTH_TOKEN or in the file of --config, never here.",
        ),
    ] = None
    plivo_auth_token_file: Annotated[Path | None, Parameter(group=_PHONE, help="File with it, for --phone plivo.")] = (
        None
    )
    vonage_signature_secret: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="Signature secret of the account, for --phone vonage: by "
            "DUOLOGUE_VONAGE_SIGNATURE_SECRET or in the file of --config, never here.",
        ),
    ] = None
    vonage_signature_secret_file: Annotated[
        Path | None, Parameter(group=_PHONE, help="File with this key, for --phone vonage.")
    ] = None
    asterisk_password: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="Password in websocket_client.conf, for --phone asterisk: by "
            "DUOLOGUE_ASTERISK_PASSWORD or in the file of --config, never here.",
        ),
    ] = None
    asterisk_password_file: Annotated[
        Path | None, Parameter(group=_PHONE, help="File with this key, for --phone asterisk.")
    ] = None
    audiosocket: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="Take calls of Asterisk's AudioSocket at this HOST:PORT, over TCP: 127.0.0.1:8090. Other hosts than "
            "this machine need --audiosocket-id-file or --phone-open.",
        ),
    ] = None
    audiosocket_id: Annotated[
        str | None,
        Parameter(
            group=_PHONE,
            help="The UUID that calls over --audiosocket must tell, and that the dialplan passes: by "
            "DUOLOGUE_AUDIOSOCKET_ID or in the file of --config, never here.",
        ),
    ] = None
    audiosocket_id_file: Annotated[Path | None, Parameter(group=_PHONE, help="File with this UUID.")] = None
    record: Annotated[
        Path | None,
        Parameter(
            group=_OPERATION,
            help="Record each session to a file of its own in this folder, which its owner alone can read: all words "
            "and voices, and no keys.",
        ),
    ] = None
    record_limit: Annotated[
        str, Parameter(group=_OPERATION, help="What the recordings in --record may hold together; then they stop.")
    ] = RECORD_LIMIT
    inspect: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            negative="",
            help="Show the calls in a browser of this machine while they go on: prints a second line with the address, "
            "which is all that it takes to see and hear them.",
        ),
    ] = False
    inspect_port: Annotated[
        int, Parameter(group=_OPERATION, help="Port of --inspect, on 127.0.0.1; by default a free one.")
    ] = 0
    inspect_keep: Annotated[
        int, Parameter(group=_OPERATION, help="Sessions that --inspect keeps in memory, the latest ones.")
    ] = INSPECT_KEEP
    no_talk: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            negative="",
            help="Serve no page on which people talk to the server in their browser; otherwise a line says where it "
            "is, and it needs the key that clients need.",
        ),
    ] = False
    own_traces: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            help="Begin a trace for each session, whatever trace the client's headers name: for clients that are not "
            "trusted.",
        ),
    ] = False
    workers: Annotated[
        str | None,
        Parameter(
            group=_OPERATION,
            help="Serve with so many processes, auto for one on each core, behind one socket: a dead one is replaced, "
            "and SIGHUP replaces all of them by ones that read options, keys and certificates anew. By default one "
            "process, which does not do that.",
        ),
    ] = None
    shared: Annotated[
        str | None,
        Parameter(
            group=_OPERATION,
            help="Share client secrets and rates with servers on other machines by Redis or Valkey at this URL: "
            "redis://, rediss:// or unix://. Needs the extra redis, and --secret. With a password in it, better in the "
            "environment: DUOLOGUE_SHARED.",
        ),
    ] = None
    secret: Annotated[
        str | None,
        Parameter(
            group=_OPERATION,
            help="What seals values in --shared, the same for all servers, at least 32 characters: by DUOLOGUE_SECRET "
            "or in the file of --config, never here.",
        ),
    ] = None
    secret_file: Annotated[Path | None, Parameter(group=_OPERATION, help="File with the secret of --shared.")] = None
    drain: Annotated[
        DrainManner,
        Parameter(
            group=_OPERATION,
            help="How sessions end with the server, within drain_s: now; after the response under way (turn); or when "
            "their clients end them (end), for phones and clients that do not come back.",
        ),
    ] = "turn"
    log_level: Annotated[LogLevel, Parameter(group=_OPERATION, help="Lowest level to log on standard error.")] = (
        "warning"
    )
    log_format: Annotated[LogFormat, Parameter(group=_OPERATION, help="Lines for people, or JSON for programs.")] = (
        "text"
    )
    until_eof: Annotated[
        bool,
        Parameter(
            group=_OPERATION,
            help="Stop when standard input ends: for programs that start the server as a child process.",
        ),
    ] = False

"""Which modules are documented, and on which pages."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["FOLDER", "PACKAGES", "TYPES", "Package"]

FOLDER: Final = "python"
"""Where the pages stand in the site; docs/ has nothing there."""

TYPES: Final = f"{FOLDER}/types.md"
"""The page of the types that the others mention and that no package gives."""


class Package(NamedTuple):
    """A page: its name, and the modules whose public names it shows. The first module gives its title."""

    page: str
    says: str
    modules: tuple[str, ...]


PACKAGES: Final = (
    Package("client", "Connect and converse: connections, conversations, endpoints", ("duologue.client",)),
    Package("notices", "What a conversation, a Live session or a translation reports", ("duologue.notices",)),
    Package("live", "Live sessions, in which both speak at once: client and options", ("duologue.client.live",)),
    Package("translation", "Speech translation: the client", ("duologue.client.translation",)),
    Package("blocking", "The same client without an event loop", ("duologue.blocking",)),
    Package("sound", "Microphone, loudspeaker, files, lines: what `play` and `listen` take", ("duologue.sound",)),
    Package("errors", "Every exception, as one tree", ("duologue.errors",)),
    Package(
        "events",
        "Classes of events and of the types inside them; their fields stand in the reference of the wire",
        ("duologue.events", "duologue.events.live"),
    ),
    Package("codec", "Reading and writing frames, and translating them between dialects", ("duologue.codec",)),
    Package(
        "testing",
        "Tests of programs that use duologue: both ends in memory, scripted servers, cassettes, assertions, fixtures",
        ("duologue.testing", "duologue.testing.assertions", "duologue.testing.cassettes", "duologue.testing.served"),
    ),
    Package("inspection", "What a recorded call was: turns, delays, interruptions, figures", ("duologue.inspection",)),
    Package("recording", "Sessions on disk: write, read, replay", ("duologue.recording",)),
    Package(
        "telephony",
        "Telephone calls: the codecs of carriers, joining a call with a conversation, signatures, SIP",
        ("duologue.telephony", "duologue.telephony.signatures", "duologue.telephony.sip"),
    ),
    Package(
        "engines",
        "Speech engines: the contracts, what finds them, checks for your own",
        ("duologue.engines.base", "duologue.engines.registry", "duologue.engines.checks", "duologue.engines.scripted"),
    ),
    Package("server", "The server: the ASGI application and its options", ("duologue.server",)),
    Package("audio", "Formats of audio, and WAV files", ("duologue.audio.formats", "duologue.audio.wav")),
    Package("transports", "What carries messages", ("duologue.transports",)),
    Package("faults", "What is broken on purpose", ("duologue.faults",)),
    Package("duologue", "What `import duologue` gives; most of it stands on a page of its own", ("duologue",)),
)
"""In this order a name that several modules give has its section: on the first page that gives it."""

"""Our translation server in memory."""

from __future__ import annotations

from dataclasses import replace

from duologue.conformance import ConnectOptions, NotApplicable
from duologue.engines.scripted import ScriptedTranslator
from duologue.server.translation.served_translation import ServedTranslation
from duologue.testing import scripted_engines
from duologue.transports import Transport
from tests.conformance._servers import Served

__all__ = ["translation"]


def translation(transport: Transport, options: ConnectOptions) -> Served:
    """A translation session."""
    if options != ConnectOptions():
        raise NotApplicable("a pipe in memory has no headers")
    scripted = scripted_engines(transcripts=("good morning",))
    return ServedTranslation(transport, replace(scripted, translator=ScriptedTranslator(("buenos días",))))

"""What is made of two looks at a server."""

from __future__ import annotations

from duologue.cli.status.exposition import read_exposition
from duologue.cli.status.server_status import Look, ServerStatus
from duologue.protocol.states import RESPONSES  # noqa: F401 - see below
from duologue.server.telemetry.metrics import Metrics
from duologue.transports.webrtc.peer import PeerFigures

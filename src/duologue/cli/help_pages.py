"""Where a command stands in the help, and the examples at the end of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cyclopts import Group

__all__ = ["COMPLETION", "HELP", "ITSELF", "HelpPage"]


class HelpPage(NamedTuple):
    """A command's group, and command lines that do something useful as they stand."""

    group: Group
    examples: tuple[str, ...]

    @property
    def epilogue(self) -> str:
        """The examples as a block of code of Markdown."""
        lines = "\n".join(f"    {line}" for line in self.examples)
        return f"Examples:\n\n{lines}"


_TALKING: Final = Group("Talk", sort_key=1)
_SERVING: Final = Group("Serve", sort_key=2)
_FILES: Final = Group("Recordings and frames", sort_key=3)
_PROTOCOL: Final = Group("Protocol", sort_key=4)
ITSELF: Final = Group("About this command", sort_key=5)

COMPLETION: Final = "--install-completion"

HELP: Final[Mapping[str, HelpPage]] = {
    "demo": HelpPage(_TALKING, ("duologue demo", "duologue demo --fast --out-dir first-try", "duologue demo --live")),
    "talk": HelpPage(
        _TALKING,
        (
            "duologue talk question.wav",
            'duologue talk --say "What is seven times eight?" --text',
            "duologue talk question.wav --url localhost:8000 --out reply.wav --record call.jsonl",
            "duologue talk --mic --url wss://api.openai.com --model gpt-realtime",
            "duologue talk question.wav --url wss://api.x.ai --model grok-voice-latest --dialect xai",
        ),
    ),
    "say": HelpPage(
        _TALKING,
        (
            'duologue say "What is seven times eight?" question.wav',
            'duologue say "Hello." hello.wav --voice echo --rate 8000 --speed 0.9 --force',
        ),
    ),
    "voices": HelpPage(_TALKING, ("duologue voices", "duologue voices localhost:8000", "duologue voices --json")),
    "serve": HelpPage(
        _SERVING,
        (
            "duologue serve",
            "duologue serve --host 0.0.0.0 --port 8443 --tls-cert server.pem --api-key secret",
            "duologue serve --llm http://localhost:11434/v1 --llm-model llama3.2",
            "duologue serve --upstream wss://api.openai.com --upstream-model gpt-realtime",
            "duologue serve --dialect xai --log-level info --log-format json",
        ),
    ),
    "status": HelpPage(
        _SERVING,
        (
            "duologue status localhost:8000",
            "duologue status https://voice.example --watch --every 5s",
            "duologue status localhost:8000 --json",
        ),
    ),
    "doctor": HelpPage(
        _SERVING,
        (
            "duologue doctor localhost:8000",
            "duologue doctor wss://api.openai.com --model gpt-realtime --turn",
            "duologue doctor https://voice.example/v1/realtime/calls --origin https://app.example --json",
        ),
    ),
    "conform": HelpPage(
        _SERVING,
        (
            "duologue conform localhost:8000",
            "duologue conform wss://api.openai.com --model gpt-realtime --json",
            "duologue conform localhost:8000 --family live",
            "duologue conform http://localhost:8000/v1/realtime/calls",
            "duologue conform localhost:8000 --only connect.realtime session.update --record trial.jsonl",
        ),
    ),
    "chaos": HelpPage(
        _SERVING,
        (
            "duologue chaos --to localhost:8000 --fault 'drop on=response.done'",
            "duologue chaos --to wss://api.openai.com --fault 'half_open after=20s' --record call.jsonl",
            "duologue chaos --to localhost:8000 --listen 127.0.0.1:9000 --seed 7 --fault 'duplicate p=0.1'",
        ),
    ),
    "load": HelpPage(
        _SERVING,
        (
            "duologue load localhost:8000 --calls 1,10,50 --hold 30s --html load.html",
            "duologue load localhost:8000 --until p95_first_audio=1s --processes 2",
            "duologue load localhost:8000 --family live --calls 20 --frames 100ms",
            "duologue load localhost:8000 --rate 2/s --turns 3 --fault 'latency ms=100 jitter=30'",
        ),
    ),
    "phone call": HelpPage(
        _PROTOCOL,
        (
            "duologue phone call ws://localhost:8000/phone/twilio question.wav",
            "duologue phone call https://voice.example.com/phone/twilio/answer q.wav stop.wav --interrupt-after 700ms",
            "duologue phone call ws://localhost:8000/phone/telnyx q.wav --protocol telnyx --packet-loss 0.05",
            "duologue phone call tcp://localhost:8090 q.wav --protocol audiosocket --keys 12#@3s --json",
        ),
    ),
    "phone ring": HelpPage(
        _PROTOCOL,
        (
            "duologue phone ring http://127.0.0.1:9000/openai question.wav --out heard.wav",
            "duologue phone ring http://127.0.0.1:9000/openai question.wav --keys 12#@3s --caller +4930123456",
            "duologue phone ring http://127.0.0.1:9000/openai question.wav --webhook-fault wrong-secret",
        ),
    ),
    "replay": HelpPage(_FILES, ("duologue replay call.jsonl", "duologue replay call.jsonl --json")),
    "inspect": HelpPage(
        _FILES,
        (
            "duologue inspect call.jsonl",
            "duologue inspect call.jsonl --out call.html --redact text,audio",
            "duologue inspect call.jsonl --json",
        ),
    ),
    "gate": HelpPage(
        _FILES,
        (
            "duologue gate call.jsonl --first-audio 'p95<800ms' --errors 0",
            "duologue gate calls/*.jsonl --first-audio 'p95<800ms, max<2s' --interrupt 'max<300ms' --junit gate.xml",
            "duologue gate localhost:8000 --calls 5 --turns 4 --first-audio 'p95<1s' --errors 0",
        ),
    ),
    "check": HelpPage(_FILES, ("duologue check call.jsonl", "duologue check call.jsonl --json")),
    "convert": HelpPage(_FILES, ("duologue convert call.jsonl --from openai-beta --to openai",)),
    "events": HelpPage(
        _PROTOCOL, ("duologue events", "duologue events response.done", "duologue events session.update --json")
    ),
}
"""By the command's name, in the order of the help."""

"""What must hold for the folders of the package, and for the tests that mirror them."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from tests.repo._tree import PACKAGE, ROOT, modules

_MAX_MODULES: Final = 20
"""A reader finds one name among twenty at a glance; more than that wants another folder."""

_DECLARATIONS: Final = "declarations; tests/events/test_values.py, tests/catalogue/test_coverage.py, those of the codec"
_TABLE_OF_A_DIALECT: Final = "a table; tests/dialects/test_profile.py, test_identity.py and test_translation.py"

_WITHOUT_TEST: Final[dict[str, str]] = {
    **dict.fromkeys(
        (f"events/{name}.py" for name in "audio conversation error items response session tools unions".split()),
        _DECLARATIONS,
    ),
    **dict.fromkeys(
        (f"events/live/{name}.py" for name in "decisions delegation http session unions".split()),
        "declarations; tests/catalogue/test_coverage.py, tests/codec/test_live.py",
    ),
    **dict.fromkeys(
        (f"dialects/{name}.py" for name in "azure gateways glm names openai opensource qwen xai".split()),
        _TABLE_OF_A_DIALECT,
    ),
    "cli/call/live_demo.py": "tests/cli/commands/test_demo.py",
    "cli/turns/observations.py": "types; tests/cli/call/test_talker.py",
    "client/input_progress_sink.py": "passes events on; tests/client/asyncio/test_finishing.py",
    "client/limits.py": "constants; tests/client/asyncio/test_connection.py and test_streams.py reach them",
    "codec/lossy.py": "tests/dialects/test_translation.py and tests/dialects/live/test_vendors.py",
    "client/translation/notice_hub.py": "tests/client/translation/test_session.py",
    "client/translation/opening.py": "tests/client/translation/test_translate.py",
    "client/translation/playback.py": "tests/client/translation/test_session.py",
    "codec/known.py": "a table of classes; tests/codec/test_decode.py",
    "codec/shape.py": "tests/codec/test_forgiving.py and test_properties.py",
    "codec/writing.py": "tests/codec/test_decode.py and test_properties.py write every event",
    "conformance/outcomes.py": "exceptions; tests/conformance/test_runner.py and test_scenario_context.py",
    "conformance/rulebook/invariants.py": "a table; tests/conformance/rulebook/test_rules.py",
    "conformance/scenarios/base.py": "what scenarios are built of; tests/conformance/scenarios",
    "conformance/scenarios/live/base.py": "what scenarios are built of; tests/conformance/scenarios/live",
    "conformance/wire/connector.py": "types; tests/conformance/wire/test_url_connector.py",
    "dialects/omissions.py": "rules of profiles; tests/dialects/test_profile.py",
    "dialects/signs.py": "a table; tests/dialects/test_detection.py",
    "dialects/unknown_vendor.py": "a table; tests/client/test_event_reader.py",
    "dialects/wrapping.py": "rules of profiles; tests/dialects/test_rules.py",
    "engines/base.py": "types; tests/engines/test_checks.py",
    "engines/embedded/spoken_values.py": "tests/engines/embedded/test_spoken_calls.py",
    "server/shared/supervisor.py": "a protocol; tests/server/test_open_sessions.py",
    "server/workers/worker.py": "tests/server/workers/test_parent.py",
    "server/workers/worker_process.py": "tests/server/workers/test_parent.py",
    "cli/serving/options.py": "a table; tests/cli/serving/test_option_sources.py",
    "engines/llm/chat_request.py": "tests/engines/llm/test_chat.py",
    "engines/llm/chat_stream.py": "tests/engines/llm/test_chat.py",
    "engines/speech/onnx.py": "opens sessions; the tests of each engine of this folder",
    "inspection/gate/samples.py": "tests/inspection/gate/test_findings.py",
    "faults/made_events.py": "tests/faults/test_connection.py and test_outcomes.py",
    "faults/planned.py": "tests/faults/test_grammar.py",
    "faults/recorded_line.py": "tests/faults/test_proxy.py",
    "faults/sockets.py": "tests/faults/test_proxy.py",
    "faults/vocabulary.py": "a table; tests/faults/test_grammar.py and test_outcomes.py",
    "inspection/client_events.py": "tests/inspection/test_fold.py",
    "inspection/heard.py": "tests/inspection/test_fold.py",
    "inspection/leg.py": "tests/telephony/test_recorded_leg.py",
    "inspection/live/sound.py": "tests/inspection/live/test_session.py",
    "inspection/live/turns.py": "tests/inspection/live/test_session.py",
    "inspection/page/brackets.py": "tests/inspection/page/test_fold.py",
    "inspection/page/sound_lanes.py": "tests/inspection/page/test_fold.py",
    "inspection/page/text_lanes.py": "tests/inspection/page/test_fold.py",
    "inspection/reading.py": "tests/inspection/test_fold.py",
    "inspection/realtime.py": "tests/inspection/test_fold.py",
    "inspection/rows.py": "tests/inspection/test_fold.py",
    "inspection/server_events.py": "tests/inspection/test_fold.py",
    "inspection/tools.py": "tests/inspection/test_fold.py",
    "inspection/turns.py": "tests/inspection/test_fold.py",
    "inspection/view.py": "declarations; tests/inspection/test_fold.py",
    **dict.fromkeys(
        (f"load/{name}.py" for name in "caller crew live realtime target work worker".split()), "tests/load/test_run.py"
    ),
    "protocol/client/notices.py": "declarations; tests/test_notices.py",
    "protocol/client/event_notices.py": "tests/protocol/client/test_core.py",
    "protocol/client/follow_ups.py": "tests/protocol/client/test_core_tools.py",
    "protocol/client/options.py": "fields; tests/protocol/client/test_core.py and its siblings set each of them",
    "protocol/client/responses/response_events.py": "tuples; tests/protocol/client/responses/test_silence.py",
    "protocol/client/responses/requests.py": "tests/protocol/client/responses/test_sequencer.py",
    "protocol/live/client/notices.py": "declarations; tests/protocol/live/client/test_core.py",
    "protocol/live/client/options.py": "fields; tests/protocol/live/client/test_core.py sets each of them",
    "protocol/live/server/commands.py": "declarations; tests/protocol/live/server/test_voice.py",
    "protocol/live/server/defaults.py": "limits; the tests of protocol/live/server reach each of them",
    "protocol/live/server/outgoing.py": "two lists; every test of a Live session",
    "protocol/live/server/reply.py": "tests/protocol/live/server/test_voice.py",
    "protocol/live/server/stored.py": "a declaration; tests/protocol/live/server/test_config.py",
    "protocol/server/clock.py": "the later of two times; tests/protocol/server/test_idle_timeout.py",
    "protocol/server/commands.py": "declarations; tests/protocol/server/input/test_pipeline.py",
    "protocol/server/outgoing.py": "two lists; every test of a session",
    "protocol/translation/client/notices.py": "declarations; tests/protocol/translation/client/test_core.py",
    **dict.fromkeys(
        (f"protocol/translation/server/{name}.py" for name in "client_events commands output settings".split()),
        "tests/protocol/translation/server/test_protocol.py",
    ),
    "protocol/media/channel_rules.py": "tests/protocol/media/test_live_line.py",
    "protocol/wire_limits.py": "constants; tests/protocol/client/test_validation.py",
    "recording/restored_items.py": "tests/recording/test_conversation.py",
    "recording/formats/found.py": "a declaration; tests/recording/formats/test_formats.py",
    **dict.fromkeys(
        (f"transports/webrtc/{name}.py" for name in "aiortc_peer aiortc_voice wrtc_peer wrtc_sound".split()),
        "tests/transports/webrtc/test_peer_contract.py and test_endurance.py",
    ),
    "server/calls/call_start.py": "tests/server/calls/test_routes.py and test_telephone_routes.py",
    "server/calls/offers.py": "tests/server/calls/test_routes.py",
    **dict.fromkeys(
        (f"server/http/{name}.py" for name in "answers bodies session_bodies".split()),
        "tests/server/http/test_routes.py",
    ),
    "server/realtime_sessions.py": "tests/server/test_app.py and tests/server/relay/test_relay_sockets.py",
    "server/relay/missing_answers.py": "tests/server/relay/test_client_utterances.py",
    "server/relay/upstream.py": "tests/server/relay/test_relay.py and test_transcoding.py",
    "server/translation/interpretation.py": "tests/server/translation/test_served_translation.py",
    "server/tap/taps.py": "types; tests/server/tap/test_tapped_session.py",
    "server/session/response_reporter.py": "tests/server/session/test_session.py and test_tool_turns.py",
    **dict.fromkeys(
        (f"telephony/carrier/{name}.py" for name in "call_plan call_report caller".split()),
        "tests/telephony/carrier/test_carrier.py",
    ),
    "telephony/carrier/dialling.py": "tests/testing/served/test_phone_line.py",
    "telephony/control/asked_network.py": "tests/telephony/test_joining.py",
    "telephony/codecs/traits.py": "a table; tests/telephony/test_marked_playout.py and test_bridge.py",
    "transports/webrtc/peer.py": "types; tests/transports/webrtc/test_memory.py",
}
"""Modules without a test file of their name, and where what they do is tested."""

_NAMES_USED_TWICE: Final[dict[str, str]] = {
    "Answer": "the client's is what `ask` returns, the server's what an MCP server has answered",
    "Cleared": "telephony's is what a carrier tells of its queue, protocol.media's what a call's playout has dropped",
    "ClientSecret": "the client's is what a server has answered, the server's what it gives away",
    "Close": "a command of the server's protocol, and a step of a script in duologue.testing, like Send and Drop",
    "Played": "telephony's is a mark that a carrier has reached, the Live server's how much of a reply was",
}
"""Classes that share their name with another, and why."""


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_no_folder_has_more_than_twenty_modules() -> None:
    in_folder = Counter(path.parent for path in modules())
    assert {_name(folder): count for folder, count in in_folder.items() if count > _MAX_MODULES} == {}


def test_every_module_has_a_test_file_of_its_name() -> None:
    without = {
        _name(path)
        for path in modules()
        if path.name not in {"__init__.py", "__main__.py"}
        and not (ROOT / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.name}").exists()
    }
    assert without == set(_WITHOUT_TEST)


def test_no_two_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(_name(path))
    assert {name for name, where in homes.items() if len(where) > 1} == set(_NAMES_USED_TWICE)

from __future__ import annotations

import pytest

from duologue.cli.serving.announcement import announce


def test_the_first_line_is_where_the_server_is_and_others_say_what_else_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    announce("wss://[::1]:8000/v1/realtime", inspector=None, webrtc=False, talk=False)
    assert capsys.readouterr().out == "listening on wss://[::1]:8000/v1/realtime\n"
    announce("ws://h:1/v1/realtime", "2 workers", inspector="http://h:2/", webrtc=True, talk=True)
    assert capsys.readouterr().out.splitlines() == [
        "listening on ws://h:1/v1/realtime",
        "calls over WebRTC are made at http://h:1/v1/realtime/calls",
        "calls are seen at http://h:2/",
        "talk to it at http://h:1/talk#calls=http://h:2/",
        "2 workers",
    ]

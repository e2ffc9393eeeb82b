"""What a blocking conversation reports reaches any number of streams, in other threads too."""

from __future__ import annotations

from duologue.notices import ResponseFinished, TextDelta
from tests.client._frames import asks, serving
from tests.client._threads import talking


def test_two_streams_get_each_notice_of_their_kinds() -> None:
    server = serving([*asks("r1", "i1", "Yes.")])
    with (
        talking(server) as conversation,
        conversation.stream(TextDelta, timeout=5) as texts,
        conversation.stream(TextDelta, ResponseFinished, timeout=5) as both,
    ):
        conversation.respond(timeout=5)
        assert next(texts).delta == "Yes."
        assert [type(next(both)) for _ in range(2)] == [TextDelta, ResponseFinished]

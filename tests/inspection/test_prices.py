"""What a call costs."""

from __future__ import annotations

import pytest

from duologue.inspection import TokenCounts
from duologue.inspection.prices import PriceError, PriceList

LIST = """
currency = "EUR"
[models.gpt-realtime]
input_text = 4
input_audio = 32
cached_audio = 0.5
output_text = 16
output_audio = 64
[models.gpt-realtime-mini]
output_audio = 20
"""


def test_cached_tokens_cost_their_own_price_where_there_is_one() -> None:
    tokens = TokenCounts(
        input=3000, output=1500, input_text=1000, input_audio=2000, cached_text=500, cached_audio=1000, cached=1500,
        output_text=500, output_audio=1000,
    )  # fmt: skip
    cost = PriceList.from_toml(LIST).cost_of(tokens, "gpt-realtime-2026")
    assert cost is not None
    assert cost.currency == "EUR"
    assert cost.model == "gpt-realtime"
    assert cost.not_priced == 0
    assert cost.parts == {
        "input_text": 0.002, "input_audio": 0.032, "cached_text": 0.002, "cached_audio": 0.0005,
        "output_text": 0.008, "output_audio": 0.064,
    }  # fmt: skip
    assert cost.amount == pytest.approx(0.1085)


def test_the_longest_name_counts_and_a_model_without_price_has_no_cost() -> None:
    prices = PriceList.from_toml(LIST)
    cost = prices.cost_of(TokenCounts(output=1_000_000, output_audio=1_000_000), "gpt-realtime-mini")
    assert cost is not None
    assert cost.amount == 20
    assert prices.cost_of(TokenCounts(), "another") is None
    assert prices.cost_of(TokenCounts(), None) is None


def test_tokens_whose_modality_is_not_told_are_said_to_have_no_price() -> None:
    cost = PriceList.from_toml(LIST).cost_of(TokenCounts(input=10, output=20), "gpt-realtime")
    assert cost is not None
    assert cost.not_priced == 30
    assert cost.amount == 0


@pytest.mark.parametrize(
    "text", ["no toml", "[models.m]\nwrong_name = 1", 'models = "m"', "[models.m]\ninput_text = 'x'"]
)
def test_what_is_no_price_list_is_told(text: str) -> None:
    with pytest.raises(PriceError):
        PriceList.from_toml(text)

"""What a call cost, by a price list that its reader writes: prices are no part of the protocol, and change.

currency = "USD"

[models.gpt-realtime]      # the model's name, or what it begins with; prices of a million tokens
input_text = 4.0
input_audio = 32.0
cached_text = 0.4
cached_audio = 0.4
output_text = 16.0
output_audio = 64.0
"""

from __future__ import annotations

import tomllib
from typing import Final

import msgspec
from msgspec import Struct

from duologue.errors import DuologueError
from duologue.inspection.view import TokenCounts

__all__ = ["CallCost", "ModelPrices", "PriceError", "PriceList"]

_PER: Final = 1_000_000

_DIGITS: Final = 6


class PriceError(DuologueError):
    """A price list cannot be read."""


class ModelPrices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a million tokens of each kind. A cached token costs what it says, and not the price of its modality."""

    input_text: float = 0.0
    input_audio: float = 0.0
    cached_text: float | None = None
    """None: as `input_text`."""
    cached_audio: float | None = None
    output_text: float = 0.0
    output_audio: float = 0.0


class CallCost(Struct, frozen=True, kw_only=True):
    """What the responses of a call cost."""

    amount: float
    currency: str
    model: str
    """The name in the price list."""
    parts: dict[str, float]
    """By kind of token."""
    not_priced: int
    """Tokens of which the server did not say the modality: they are in no amount."""


class PriceList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices by model."""

    currency: str = "USD"
    models: dict[str, ModelPrices]

    @staticmethod
    def from_toml(text: str) -> PriceList:
        """Read a price list. Raises PriceError, which says what is wrong."""
        try:
            return msgspec.convert(tomllib.loads(text), PriceList, strict=False)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
            raise PriceError(str(fault)) from fault

    def cost_of(self, tokens: TokenCounts, model: str | None) -> CallCost | None:
        """What these tokens cost; None if there is no price for the model."""
        name = max((each for each in self.models if (model or "").startswith(each)), key=len, default=None)
        if name is None:
            return None
        prices = self.models[name]
        new_text, new_audio = tokens.input_text - tokens.cached_text, tokens.input_audio - tokens.cached_audio
        counted = {
            "input_text": (new_text, prices.input_text),
            "input_audio": (new_audio, prices.input_audio),
            "cached_text": (tokens.cached_text, _or(prices.cached_text, prices.input_text)),
            "cached_audio": (tokens.cached_audio, _or(prices.cached_audio, prices.input_audio)),
            "output_text": (tokens.output_text, prices.output_text),
            "output_audio": (tokens.output_audio, prices.output_audio),
        }
        parts = {kind: round(count * price / _PER, _DIGITS) for kind, (count, price) in counted.items()}
        told = tokens.input_text + tokens.input_audio + tokens.output_text + tokens.output_audio
        return CallCost(
            amount=round(sum(parts.values()), _DIGITS),
            currency=self.currency,
            model=name,
            parts=parts,
            not_priced=max(0, tokens.input + tokens.output - told),
        )


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price

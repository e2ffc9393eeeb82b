"""The family baselines of the plugin."""

from __future__ import annotations

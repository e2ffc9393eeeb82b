"""The family artifacts of the plugin."""

from __future__ import annotations

"""Fixtures: delays, compared with those of an earlier run."""

from __future__ import annotations

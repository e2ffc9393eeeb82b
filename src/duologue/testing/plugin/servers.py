"""Fixtures: servers that a test's client talks to."""

from __future__ import annotations

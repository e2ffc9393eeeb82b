"""Fixtures: sound for tests."""

from __future__ import annotations

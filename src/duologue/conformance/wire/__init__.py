"""Connections that the suite observes and controls message by message."""

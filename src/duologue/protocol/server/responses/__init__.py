"""Responses on the server: when each starts, and the events that report it."""

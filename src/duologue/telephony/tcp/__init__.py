"""Calls over TCP, without a WebSocket: AudioSocket of Asterisk."""

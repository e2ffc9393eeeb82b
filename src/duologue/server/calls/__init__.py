"""Calls over WebRTC: made, found and ended by HTTP; their sessions are those of any medium."""

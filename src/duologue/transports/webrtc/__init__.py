"""Calls over WebRTC: sound on a track, events on a data channel. Needs the extra `webrtc`, at the first call."""

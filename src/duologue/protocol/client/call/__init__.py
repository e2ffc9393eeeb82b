"""A call over WebRTC as its client sees it: sound on a track, events beside it."""

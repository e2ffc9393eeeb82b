"""Input audio on the server: the buffer, turn detection, and transcripts."""

"""Between a session and a peer whose sound is on a line of its own: WebRTC. No I/O, no clock, no task."""

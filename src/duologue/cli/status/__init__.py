"""What `duologue status` reads of a server, and what it makes of it."""

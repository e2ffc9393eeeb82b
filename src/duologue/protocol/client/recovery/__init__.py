"""What a client sends again after a reconnect, and when it reconnects."""

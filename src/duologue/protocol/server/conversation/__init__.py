"""The server's conversation: its items, and what of them fits into the model's context window."""

"""Sound in and out of a conversation: sinks, sources, and what runs between them and the conversation."""

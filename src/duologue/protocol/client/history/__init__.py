"""The client's copy of the conversation: items, their order, and the audio that is kept of them."""

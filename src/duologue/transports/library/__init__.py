"""What uses the inside of the WebSocket library, of which it promises nothing."""

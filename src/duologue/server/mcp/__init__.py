"""MCP servers: which a session may use, and the client for them."""

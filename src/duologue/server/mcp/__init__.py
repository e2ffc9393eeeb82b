"""MCP servers: which a session may use, and how they are asked."""

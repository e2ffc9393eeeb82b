"""The client of translation sessions, for asyncio; threads use the facade in `client.blocking`."""

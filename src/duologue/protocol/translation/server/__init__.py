"""A translation session, seen from the server: settings, utterances, and what is sent of them."""

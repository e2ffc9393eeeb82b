"""What a network is asked over HTTP to do with a call: end it, or connect the caller elsewhere."""

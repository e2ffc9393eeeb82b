"""What a Live session was: turns by what was said, and the model's sound as one track."""

"""What several processes of a server share: client secrets, and the rates of callers."""

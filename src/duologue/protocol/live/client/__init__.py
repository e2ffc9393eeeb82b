"""A Live session on the client, without I/O: one core, and a part for each thing that it keeps."""

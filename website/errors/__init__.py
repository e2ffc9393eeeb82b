"""The pages of errors: what each one means and what to do, made of the tables in the code that have the messages."""

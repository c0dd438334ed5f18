"""What is generated: one small module a kind, and the table of them in `table`."""

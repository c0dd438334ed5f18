"""Loss and order, asked of our stores and of another package: `python -m tests.conformance`."""

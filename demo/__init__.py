"""The sample service from a client's side: `make demo`, or `python -m demo`."""

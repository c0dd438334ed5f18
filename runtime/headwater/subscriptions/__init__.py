"""Delivering the events of a stream to handlers and iterators."""

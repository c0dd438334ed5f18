"""The shape of generated packages, as a number that grows when the shape changes."""

__all__ = ["FORMAT"]

FORMAT = 1

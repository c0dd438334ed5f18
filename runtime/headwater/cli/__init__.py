"""The `headwater` command: a light dispatcher, and a module for each of the runtime's verbs."""

from .dispatcher import main

__all__ = ["main"]

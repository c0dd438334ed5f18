"""For tests of services: an app in memory whose time is in the test's hands."""

from .app import MemoryApp
from .clock import VirtualClock

__all__ = ["MemoryApp", "VirtualClock"]

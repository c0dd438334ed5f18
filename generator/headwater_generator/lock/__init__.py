"""What was released, kept beside the spec: schemas, samples, and numbers on the wire.

Read in order:

    entries     what is known of a version of an event or type, of where it is recorded, and of a
                command
    files       one file an event, and one for types and commands: read and written
    keeping     the lock that a spec should have, and what of it contradicts what was released
    releasing   drafts frozen

`read_lock` and `Lock` are what compares a spec with what was released.
"""

from .entries import Accepted, Contract, Entry, Home, Lock
from .files import lock_folder, read_lock, render_lock
from .keeping import contradictions, homes_of, kept
from .releasing import release

__all__ = [
    "Accepted",
    "Contract",
    "Entry",
    "Home",
    "Lock",
    "contradictions",
    "homes_of",
    "kept",
    "lock_folder",
    "read_lock",
    "release",
    "render_lock",
]

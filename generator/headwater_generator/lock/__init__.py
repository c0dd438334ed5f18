"""What was released, kept beside the spec: schemas, samples, and numbers on the wire.

Read in order:

    entries     what is known of a version of an event or type, of where it is recorded, and of a
                command
    files       one file an event, and one for types and commands: read and written
    keeping     the lock that a spec should have, and what of it contradicts what was released
    releasing   drafts frozen
    editions    versions of the client package, and what changed between them

`read_lock` and `Lock` are what compares a spec with what was released.
"""

from .editions import DRAFT, edition_of
from .entries import Accepted, Contract, Edition, Entry, Home, Lock
from .files import SUFFIX, Stands, lock_folder, read_lock, render_lock
from .keeping import contradictions, homes_of, kept
from .releasing import release

__all__ = [
    "DRAFT",
    "SUFFIX",
    "Accepted",
    "Contract",
    "Edition",
    "Entry",
    "Home",
    "Lock",
    "Stands",
    "contradictions",
    "edition_of",
    "homes_of",
    "kept",
    "lock_folder",
    "read_lock",
    "release",
    "render_lock",
]

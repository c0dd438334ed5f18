"""YAML to nodes that know their line and column. Spec text is data: nothing in it is executed.

Only what a spec needs is let in: mappings, lists and scalars, one document a file. Aliases, merge
keys and tags are refused, as is a key given twice, text that the eye would misread, and whatever
passes a limit. What a scalar means is left to whoever knows what is due at its place.

Read in order:

    limits       how large a spec may be
    nodes        what a file is read into: scalars, sequences, mappings, and their places
    files        a spec's text, from a file or a folder
    characters   what the eye would misread
    parsing      one file's text to nodes
    merging      the files of a folder as if they were one
"""

from .files import locate, read_sources
from .limits import MAX_BYTES, MAX_DEPTH, MAX_LINES, MAX_TEXT
from .merging import merge
from .nodes import (
    NOWHERE,
    Entry,
    Mapping,
    Node,
    Place,
    Refused,
    Scalar,
    Sequence,
    Source,
    at,
    entries,
    listed,
    names,
)
from .parsing import load

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_LINES",
    "MAX_TEXT",
    "NOWHERE",
    "Entry",
    "Mapping",
    "Node",
    "Place",
    "Refused",
    "Scalar",
    "Sequence",
    "Source",
    "at",
    "entries",
    "listed",
    "load",
    "locate",
    "merge",
    "names",
    "read_sources",
]

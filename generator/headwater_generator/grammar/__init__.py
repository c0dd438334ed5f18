"""What may stand in a spec, and the tree that it is read into.

`spec` declares every key once, with a module for each section, and `ops` the ops between versions;
`types` says what the type of a field is. The kinds of values are in `words`, `numbers` and
`containers`, whose `read_record` is the one reader. `schema` and `reference` render the same
declarations for editors and people.
"""

from .commands import KINDS, Command, Kind
from .declarations import EnumType, ObjectType, TypeDeclaration, UnionType, tag_value
from .declare import JSON, UNSET, Unset
from .fields import CONSTRAINTS, Field
from .publication import Publication, Unrouted
from .remotes import Remote, RemoteStream
from .retention import LIMITS, Ceiling, Retention
from .spec import Contract, SharedTypes, Spec, Upcasts
from .streams import Origin, Stream
from .subscriptions import BEGINNING, LATEST, Backoff, Offset, Retry, Start, Subscription, Timestamp
from .types import (
    SCALARS,
    ListOf,
    MapOf,
    Named,
    Nullable,
    Scalar,
    TypeExpression,
    named_types,
    show_type,
)
from .workflows import FIRST_VERSION, Event, PastVersion, Workflow

__all__ = [
    "BEGINNING",
    "CONSTRAINTS",
    "FIRST_VERSION",
    "JSON",
    "KINDS",
    "LATEST",
    "LIMITS",
    "SCALARS",
    "UNSET",
    "Backoff",
    "Ceiling",
    "Command",
    "Contract",
    "EnumType",
    "Event",
    "Field",
    "Kind",
    "ListOf",
    "MapOf",
    "Named",
    "Nullable",
    "ObjectType",
    "Offset",
    "Origin",
    "PastVersion",
    "Publication",
    "Remote",
    "RemoteStream",
    "Retention",
    "Retry",
    "Scalar",
    "SharedTypes",
    "Spec",
    "Start",
    "Stream",
    "Subscription",
    "Timestamp",
    "TypeDeclaration",
    "TypeExpression",
    "UnionType",
    "Unrouted",
    "Unset",
    "Upcasts",
    "Workflow",
    "named_types",
    "show_type",
    "tag_value",
]

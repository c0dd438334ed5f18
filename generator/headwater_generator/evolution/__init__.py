"""How events change: what their versions look like, and what leads from one to the next.

`shapes` expands the fields of an event version, a command or an object into what is on the wire.
Everything that compares versions, or writes them down, does it by their shapes.
"""

from .shapes import (
    EnumShape,
    FieldShape,
    ListShape,
    LiteralShape,
    MapShape,
    NullableShape,
    ObjectShape,
    RecursiveShape,
    ScalarShape,
    Shape,
    UnionShape,
    canonical,
    digest,
    shape_of_expression,
    shape_of_fields,
    shape_of_type,
    show_shape,
)

__all__ = [
    "EnumShape",
    "FieldShape",
    "ListShape",
    "LiteralShape",
    "MapShape",
    "NullableShape",
    "ObjectShape",
    "RecursiveShape",
    "ScalarShape",
    "Shape",
    "UnionShape",
    "canonical",
    "digest",
    "shape_of_expression",
    "shape_of_fields",
    "shape_of_type",
    "show_shape",
]

"""Write down what a service's event versions are, and refuse those that mean something else now."""

from __future__ import annotations

from headwater.evolution import Schemas

from .contract import EventSchema, Store

__all__ = ["record_schemas"]


async def record_schemas(store: Store, schemas: Schemas) -> None:
    """Have the store keep the schema of each version. Where nothing is new, that is one read.

    Raises:
        ConfigurationError: The schemas are not where they should be.
        SchemaChangedError: There are events of a version that has another schema now.
    """
    known = await store.schemas()
    new = [
        EventSchema(name, version, digest, schemas.read(name, version))
        for (name, version), digest in schemas.digests().items()
        if known.get((name, version)) != digest
    ]
    if new:
        await store.keep_schemas(new)

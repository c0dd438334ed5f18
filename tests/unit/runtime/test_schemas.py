"""A service writes down what its event versions are, and does not start when one has changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from headwater import App, ConfigurationError, SchemaChangedError, Service
from headwater.evolution import Schemas
from headwater.stores.memory import MemoryStore
from headwater.stores.schemas import record_schemas

from tests.support.order_handlers import OrderHandlers
from tests.support.orders import Handlers, PlaceOrder, order_service


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    """A package as it is generated, with nothing in it but schemas."""
    folder = tmp_path / "shipped_orders"
    (folder / "schemas").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name in ("OrderPlaced", "OrderNoted"):
        (folder / "schemas" / f"{name}.v1.json").write_text(json.dumps({"title": name}))
    have(folder, "a1")
    sys.path.insert(0, str(tmp_path))
    yield folder
    sys.path.remove(str(tmp_path))
    sys.modules.pop("shipped_orders", None)


def have(folder: Path, digest: str) -> None:
    """Have OrderPlaced's first version with this digest."""
    versions = {"OrderPlaced": {"1": digest}, "OrderNoted": {"1": "n1"}}
    (folder / "schemas" / "index.json").write_text(json.dumps({"sha256": versions}))


SHIPPED = Schemas("shipped_orders.service")


def app_on(database: Path) -> App[Handlers]:
    service: Service[Handlers] = replace(order_service, schemas=SHIPPED)
    return App(service, handlers=OrderHandlers(), database=f"sqlite:///{database}")


async def test_a_version_with_events_that_has_changed_is_refused_at_start(
    package: Path, tmp_path: Path
) -> None:
    """With what to do, and nothing written: with the old schema it starts as before."""
    database = tmp_path / "orders.db"
    async with app_on(database):
        pass
    have(package, "a2")
    async with app_on(database) as app:  # nothing is recorded, so nothing can be misread
        await app.execute(PlaceOrder(order_id=1, email="ada@example.com"))

    have(package, "a3")
    with pytest.raises(SchemaChangedError, match="write what it is now as version 2") as refused:
        await app_on(database).__aenter__()
    assert refused.value.changed == (("OrderPlaced", 1),)

    have(package, "a2")
    async with app_on(database) as app:
        assert await app._store.schemas() == {("OrderPlaced", 1): "a2", ("OrderNoted", 1): "n1"}


async def test_where_nothing_is_new_it_is_one_read(package: Path) -> None:
    store = MemoryStore()
    await record_schemas(store, SHIPPED)
    with (
        patch.object(store, "keep_schemas", AsyncMock()) as keep,
        patch.object(Schemas, "read", side_effect=AssertionError),
    ):
        await record_schemas(store, SHIPPED)

    keep.assert_not_awaited()


async def test_only_what_is_new_is_read_and_kept(package: Path) -> None:
    store = MemoryStore()
    await record_schemas(store, SHIPPED)
    have(package, "a2")
    with patch.object(store, "keep_schemas", AsyncMock()) as keep:
        await record_schemas(store, SHIPPED)

    [[one]] = keep.await_args_list[0].args
    assert (one.name, one.version, one.digest) == ("OrderPlaced", 1, "a2")
    assert json.loads(one.schema) == {"title": "OrderPlaced"}


async def test_a_package_without_its_schemas_says_so(package: Path) -> None:
    (package / "schemas" / "index.json").unlink()

    with pytest.raises(ConfigurationError, match=r"shipped_orders has no schemas/index\.json"):
        await record_schemas(MemoryStore(), SHIPPED)


def test_the_sample_ships_a_schema_of_each_version() -> None:
    from generated.user_service import user_service

    assert user_service.schemas is not None
    digests = user_service.schemas.digests()
    assert digests.keys() == {
        (event.event_name, event.event_version)
        for workflow in user_service.workflows
        for event in workflow.events
    }
    for name, version in digests:
        schema: dict[str, Any] = json.loads(user_service.schemas.read(name, version))
        assert schema["$id"].endswith(f":{name}:{version}")

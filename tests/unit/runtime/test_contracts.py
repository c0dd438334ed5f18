"""What a service publishes, and what it reads of others, has to fit together."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
from headwater import (
    ConfigurationError,
    Contract,
    Event,
    Mode,
    Publication,
    Remote,
    Retention,
    Service,
    Stream,
    StreamType,
    WorkflowDefinition,
)

from tests.support.crossing import (
    SaleMadeV1,
    SaleMadeV2,
    Sales,
    contract_at,
    ledger_at,
    reading,
    shop_at,
)


def problems_of(service: Service[Any], **changes: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        replace(service, **changes)
    return refused.value.problems


def published(**versions: int) -> tuple[Stream, ...]:
    publication = Publication(versions=versions)
    sales, tips = shop_at(2).streams
    return (replace(sales, publication=publication), tips)


def sales_of(**options: Any) -> tuple[Stream, ...]:
    [sales] = ledger_at().streams
    return (replace(sales, **options),)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"streams": published()}, "does not say at which version SaleMade leaves"),
        ({"streams": published(SaleMade=3)}, "publishes SaleMade version 3, which there is not"),
        ({"streams": published(SaleMade=1, Sold=1)}, "publishes Sold, which it does not carry"),
        (
            {"upcasting": MappingProxyType({("SaleMade", 1, 2): dict})},
            "sales publishes SaleMade version 1, and no way leads there from version 2",
        ),
    ],
)
def test_what_is_published_has_a_version_and_a_way_to_it(
    changes: dict[str, Any], problem: str
) -> None:
    assert any(problem in one for one in problems_of(shop_at(2), **changes))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"remotes": ()}, "shop/sales is a stream of shop, whose contract is not there"),
        ({"remotes": (contract_at(), contract_at())}, "two contracts are called shop"),
        (
            {"remotes": (Contract(service="shop", streams={}),)},
            "shop does not publish sales",
        ),
        ({"streams": sales_of(name="sales")}, "has to be called that"),
        ({"streams": sales_of(type=StreamType.EPHEMERAL)}, "it has to be persistent"),
        (
            {"streams": sales_of(remote=Remote("shop", "sales", direct=True))},
            "keeps no log, so it has to be ephemeral",
        ),
        (
            {"streams": sales_of(publication=Publication(versions={}))},
            "it is for shop to publish it",
        ),
        ({"name": "shop"}, "is the service's own stream"),
        (
            {"workflows": (WorkflowDefinition(Sales, stream="shop/sales", events=(SaleMadeV1,)),)},
            "workflow Sales cannot be in shop/sales: only shop emits into it",
        ),
        (
            {"subscriptions": (reading(events=(SaleMadeV2,)),)},
            "asks for SaleMade, which shop/sales does not carry",
        ),
    ],
)
def test_what_is_remote_has_a_contract_and_the_shape_of_its_mode(
    changes: dict[str, Any], problem: str
) -> None:
    assert any(problem in one for one in problems_of(ledger_at(), **changes))


def test_what_the_broker_serves_has_no_past_and_keeps_nothing() -> None:
    subscription = reading(mode=Mode.EXCLUSIVE)
    service = ledger_at(1, subscription, direct=True)
    [stream] = service.streams
    assert not stream.is_kept
    kept = replace(stream, retention=Retention(age=60.0))
    assert "retains nothing" in problems_of(service, streams=(kept,))[0]


def test_each_contract_has_a_registry_of_its_own() -> None:
    """So that an event of another service may be called like one of ours."""

    class SaleMade(Event):
        event_name: ClassVar[str] = "SaleMade"
        event_version: ClassVar[int] = 1

        of_our_own: bool = True

    service = replace(
        ledger_at(2),
        streams=(*ledger_at().streams, Stream("sales", StreamType.PERSISTENT)),
        workflows=(WorkflowDefinition(Sales, stream="sales", events=(SaleMade,)),),
    )
    assert service.events_of("shop/sales") == (SaleMadeV1, SaleMadeV2)
    assert service.events_of("sales") == (SaleMade,)
    assert service.registry_of("shop/sales").get("SaleMade") is SaleMadeV2
    assert service.registry_of("sales").get("SaleMade") is SaleMade
    assert service.registry_of("sales") is service.registry

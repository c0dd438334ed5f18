"""What a service publishes, as its client package has it, or as another service carries it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from headwater.schema import FORMAT

from ..grammar import Spec
from .annotations import Annotations
from .data import events_module, types_module
from .facts import Facts
from .parts import (
    ClientPackage,
    ContractPackage,
    EditionNotes,
    ExampleEvent,
    Module,
    PublishedStream,
)
from .places import ClientPlaces
from .promises import Samples, promises_module
from .publication import Departures, departures, published
from .scope import Scope
from .storage import Digests, digests_of
from .upcasting import upcasting_module

__all__ = ["CONTRACT", "build_client", "build_contract"]

CONTRACT = "contract"  # the object that a client package is about, and its module


def build_client(
    spec: Spec,
    places: ClientPlaces,
    annotations: Annotations,
    *,
    samples: Samples,
    digests: Digests,
    first_released: Mapping[str, int],
    editions: Sequence[EditionNotes],
) -> ClientPackage:
    """Settle everything about a client package.

    Args:
        annotations: It has resolved the spec's forms.
        samples: A payload of each version, by event and version.
        digests: The hash of the schema of each version, by event and version.
        first_released: The oldest version of each event that was released.
        editions: What the package's versions brought, newest first; the first is this one's.
    """
    contract = build_contract(spec, places.module_folder, annotations, samples, digests)
    leaving = departures(contract.spec, first_released)
    return ClientPackage(
        **{name: getattr(contract, name) for name in ContractPackage.__dataclass_fields__},
        places=places,
        version=editions[0].version,
        editions=tuple(editions),
        departures=leaving,
        examples=tuple(_examples(contract, leaving, samples)),
    )


def build_contract(
    spec: Spec,
    folder: Path,
    annotations: Annotations,
    samples: Samples = MappingProxyType({}),
    digests: Digests | None = None,
) -> ContractPackage:
    """Settle the modules that say what a service publishes, which go into a folder."""
    public = published(spec)
    facts = Facts.settle_contract(public, annotations)
    exports = {
        CONTRACT: (CONTRACT,),
        "events": facts.event_names,
        "types": tuple(public.types),
    }
    return ContractPackage(
        spec=public,
        folder=folder,
        format=FORMAT,
        service=spec.service,
        variable=CONTRACT,
        source=spec.path,
        summary=spec.description or f"What {spec.service} publishes.",
        versions=tuple(version for versions in facts.events.values() for version in versions),
        digests=digests or digests_of(public),
        types=types_module(facts),
        events=events_module(facts),
        upcasting=upcasting_module(facts),
        promises=promises_module(facts, samples, home=(f".{CONTRACT}", CONTRACT)),
        contract=_contract_module(facts),
        exports={module: names for module, names in exports.items() if names},
    )


def _contract_module(facts: Facts) -> Module:
    """Settle `contract.py`: the object that says which streams have which events."""
    scope = Scope({CONTRACT, *facts.class_names})
    scope.use("Contract", "Schemas")
    if any(len(versions) > 1 for versions in facts.events.values()):
        scope.sibling(".upcasting", "UPCASTING")
    streams = []
    for name, events in facts.events_of_stream.items():
        classes = [one.class_name for event in events for one in facts.events[event]]
        listed = ", ".join(scope.sibling(".events", one) for one in classes)
        streams.append(PublishedStream(name=name, events=f"({listed},)"))
    return Module.of(scope, streams)


def _examples(
    contract: ContractPackage, leaving: Departures, samples: Samples
) -> Iterator[ExampleEvent]:
    versions: dict[str, list[int]] = {}
    for one in contract.versions:
        versions.setdefault(one.name, []).append(one.version)
    for one in contract.versions:
        if one.version != leaving[one.stream][one.name]:
            continue
        payload = samples.get((one.name, one.version))
        yield ExampleEvent(
            name=one.name,
            stream=one.stream,
            leaves_at=one.version,
            versions=tuple(versions[one.name]),
            class_name=one.class_name,
            description=one.description or "",
            payload="" if payload is None else json.dumps(payload, indent=2, ensure_ascii=False),
        )

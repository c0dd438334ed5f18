"""One generated package: what its templates see, with nothing left to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from headwater.schema import FORMAT

from ..grammar import Spec
from ..names import snake
from .annotations import Annotations
from .data import commands_module, events_module, types_module
from .facts import Facts
from .numbers import Numbering, number
from .parts import ContractPackage, Module, Package, UpcastingModule
from .places import Places
from .protos import files_of
from .remotes import FOLDER
from .service import handlers_module, service_module, subscriptions_module, workflows_module
from .storage import Digests, Revision, digests_of, draft_after
from .stubs import stubs

if TYPE_CHECKING:
    from .promises import Samples

__all__ = ["build"]


def build(
    spec: Spec,
    places: Places,
    annotations: Annotations,
    numbering: Numbering | None = None,
    samples: Samples | None = None,
    released: Sequence[Revision] = (),
    digests: Digests | None = None,
    first_released: Mapping[str, int] = MappingProxyType({}),
) -> Package:
    """Settle everything about a service.

    Args:
        annotations: It has resolved the spec's forms.
        numbering: Numbers on the wire; without them, those of a service that was never released.
        samples: A payload of each version, by event and version; without them, made anew.
        released: Revisions that stay as they are, the oldest first.
        digests: The hash of each version's schema; without them, made anew.
        first_released: The oldest version of each event that was released.
    """
    facts = Facts.settle(spec, annotations, first_released)
    upcasting, promises = _evolution(facts, samples)
    digests = digests or digests_of(spec)
    exports = {
        "types": tuple(spec.types),
        "events": facts.event_names,
        "commands": tuple(spec.commands),
        "workflows": facts.writer_names,
        "handlers": ("Handlers",),
        "service": (facts.variable,),
    }
    return Package(
        spec=spec,
        folder=places.package_folder,
        places=places,
        format=FORMAT,
        service=spec.service,
        variable=facts.variable,
        source=spec.path,
        summary=spec.description or f"What {spec.service} is made of.",
        versions=tuple(version for versions in facts.events.values() for version in versions),
        types=types_module(facts),
        events=events_module(facts),
        commands=commands_module(facts),
        workflows=workflows_module(facts),
        subscriptions=subscriptions_module(facts),
        upcasting=upcasting,
        promises=promises,
        handlers=handlers_module(facts),
        service_module=service_module(facts),
        stubs=tuple(stubs(facts, places.package)),
        protos=files_of(spec, numbering or number(spec)),
        digests=digests,
        revisions=(*released, *draft_after(spec, released, digests)),
        remotes=tuple(_carried(spec, places.package_folder, annotations)),
        exports={module: names for module, names in exports.items() if names},
    )


def _carried(spec: Spec, folder: Path, annotations: Annotations) -> Iterator[ContractPackage]:
    """Yield the contracts of services that are read by their specs."""
    carried = {name: one for name, one in spec.contracts.items() if one.client is None}
    if not carried:
        return
    from .client import build_contract

    for name, one in carried.items():
        yield build_contract(one.spec, folder / FOLDER / snake(name), annotations)


def _evolution(facts: Facts, samples: Samples | None) -> tuple[UpcastingModule, Module]:
    """Return what there is for events with several versions."""
    if not facts.hops:
        return UpcastingModule(imports=(), names={}, steps=()), Module(imports=(), names={})
    from .promises import promises_module  # a seventh of all imports, and many specs need none
    from .upcasting import upcasting_module

    return upcasting_module(facts), promises_module(facts, samples)

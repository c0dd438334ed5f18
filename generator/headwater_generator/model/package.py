"""One generated package: what its templates see, with nothing left to decide."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.schema import FORMAT

from ..grammar import Spec
from .annotations import Annotations
from .data import commands_module, events_module, types_module
from .facts import Facts
from .numbers import Numbering, number
from .parts import Package
from .places import Places
from .promises import Samples, promises_module
from .protos import files_of
from .service import handlers_module, service_module, subscriptions_module, workflows_module
from .storage import Revision, draft_after
from .stubs import stubs
from .upcasting import upcasting_module

__all__ = ["build"]


def build(
    spec: Spec,
    places: Places,
    annotations: Annotations,
    numbering: Numbering | None = None,
    samples: Samples | None = None,
    released: Sequence[Revision] = (),
) -> Package:
    """Settle everything about a service.

    Args:
        annotations: It has resolved the spec's forms.
        numbering: Numbers on the wire; without them, those of a service that was never released.
        samples: A payload of each version, by event and version; without them, made anew.
        released: Revisions that stay as they are, the oldest first.
    """
    facts = Facts.settle(spec, places, annotations)
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
        upcasting=upcasting_module(facts),
        promises=promises_module(facts, samples),
        handlers=handlers_module(facts),
        service_module=service_module(facts),
        stubs=tuple(stubs(facts)),
        protos=files_of(spec, numbering or number(spec)),
        revisions=(*released, *draft_after(spec, released)),
        exports={module: names for module, names in exports.items() if names},
    )

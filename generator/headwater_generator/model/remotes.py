"""What is read of other services: where their events are imported from, and their names here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..grammar import Contract
from ..names import event_class, pascal, snake
from .scope import Scope
from .versions import versions_of

__all__ = ["FOLDER", "RemoteContract", "remote_contracts"]

FOLDER = "remotes"  # of a package, with a package for each contract that it carries


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteContract:
    """The contract of another service, as a package that reads from it sees it."""

    service: str
    client: str | None
    """The installed package that has it; `None`: it is in a folder of this package."""
    events: Mapping[str, tuple[str, ...]]
    """The events of its streams, as this service calls these."""
    local_names: Mapping[str, str]
    """What its classes are called here, where they cannot have their own names."""

    @property
    def variable(self) -> str:
        """What the `Contract` is called here."""
        return f"{snake(self.service)}_contract"

    def use(self, name: str, scope: Scope, *, module: str, package: str = "") -> str:
        """Import a class of an event and return what it is called here.

        It comes from the contract's package, if `package` says which package reads it, or else
        from the module of that package.
        """
        home = self.client or f"{package}.{FOLDER}.{snake(self.service)}"
        local = self.local_names.get(name, name)
        return scope.foreign(home if package else f"{home}.{module}", name, local)

    def use_contract(self, scope: Scope) -> str:
        """Import the `Contract` and return what it is called here."""
        home = self.client or f".{FOLDER}.{snake(self.service)}"
        return scope.foreign(f"{home}.contract", "contract", self.variable)


def remote_contracts(
    contracts: Mapping[str, Contract], streams: Iterable[str], own: Iterable[str]
) -> Iterator[RemoteContract]:
    """Yield each contract that a service reads.

    Args:
        streams: Every stream of the service.
        own: The names of its own classes, which those of others give way to.
    """
    of_each = {service: _classes(one) for service, one in contracts.items()}
    taken = set(own)
    for service, classes in of_each.items():
        others = {
            name for other, names in of_each.items() if other != service for name in names
        } | set(own)
        local: dict[str, str] = {}
        for name in classes:
            if name in others:
                mine = f"{pascal(service)}{name}"
                while mine in taken:
                    mine += "_"
                local[name] = mine
                taken.add(mine)
        far = contracts[service]
        yield RemoteContract(
            service=service,
            client=far.client,
            events={
                stream: tuple(far.events_of(stream.partition("/")[2]))
                for stream in streams
                if stream.startswith(f"{service}/")
            },
            local_names=local,
        )


def _classes(contract: Contract) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            name
            for one in versions_of(contract.spec)
            for name in (one.name, event_class(one.name, one.version))
        )
    )

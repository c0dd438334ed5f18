"""What a hop between two versions does: its steps either way, and what is lost on them."""

from __future__ import annotations

from dataclasses import dataclass

from .steps import Step

__all__ = ["Effect", "Hop", "Note"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a field: what it loses, or which values cannot go."""

    field: str
    what: str

    def __str__(self) -> str:
        return f"{self.field}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one op does."""

    op: str
    """As a spec would write it, on one line."""
    up: tuple[Step, ...]
    down: tuple[Step, ...] | None
    """None: there is no way down."""
    up_losses: tuple[Note, ...] = ()
    """What is not as it was after going up and down again."""
    down_losses: tuple[Note, ...] = ()
    """What is not as it was after going down and up again."""
    up_refusals: tuple[Note, ...] = ()
    """Values that cannot go up."""
    down_refusals: tuple[Note, ...] = ()
    """Values that cannot go down."""

    @property
    def is_up_safe(self) -> bool:
        """Whether every older event comes back as it was after going up and down."""
        return self.down is not None and not self.up_losses

    @property
    def is_down_safe(self) -> bool:
        """Whether every newer event comes back as it was after going down and up."""
        return self.down is not None and not self.down_losses and not self.down_refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """All that leads from one version of an event to the next, and back."""

    older: int
    newer: int
    effects: tuple[Effect, ...]
    fill_up: tuple[Step, ...] = ()
    """Defaults of fields that were not given, before anything else."""
    fill_down: tuple[Step, ...] = ()
    obstacles: tuple[Note, ...] = ()
    """What became wider without an op that leads back: while there is any, there is no way down."""
    refusals: tuple[Note, ...] = ()
    """Values of the newer version that the older one does not have."""

    @property
    def up(self) -> tuple[Step, ...]:
        """The steps from the older version to the newer."""
        return (*self.fill_up, *(step for one in self.effects for step in one.up))

    @property
    def down(self) -> tuple[Step, ...] | None:
        """The steps from the newer version to the older; None if there is no way."""
        if self.obstacles:
            return None
        steps = list(self.fill_down)
        for one in reversed(self.effects):
            if one.down is None:
                return None
            steps += one.down
        return tuple(steps)

    @property
    def no_way_down(self) -> str:
        """Why there is no way down, in words; "" if there is one."""
        if self.obstacles:
            return f"{self.obstacles[0].field} became wider, and {self.obstacles[0].what}"
        for one in self.effects:
            if one.down is None:
                lost = f" ({one.up_losses[0]})" if one.up_losses else ""
                return f"{one.op} cannot be undone{lost}"
        return ""

    @property
    def is_up_safe(self) -> bool:
        """Whether every older event comes back as it was after going up and down."""
        return not self.obstacles and all(one.is_up_safe for one in self.effects)

    @property
    def is_down_safe(self) -> bool:
        """Whether every newer event comes back as it was after going down and up."""
        return (
            not self.obstacles
            and not self.refusals
            and all(one.is_down_safe for one in self.effects)
        )

"""What a command is to the runtime: which workflow it concerns, and which functions decide."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import Any

from headwater.errors import ConfigurationError
from headwater.events import Command, Event
from headwater.workflows import StreamWriter, Workflow

__all__ = ["CommandDefinition", "CommandKind"]


class CommandKind(Enum):
    """What a command expects of its workflow."""

    STARTS = "starts"
    """There is none yet with this id."""

    CONTINUES = "continues"
    """It was started and has not ended."""

    STARTS_OR_CONTINUES = "starts_or_continues"
    """Either."""

    STREAM = "stream"
    """Nothing: the command writes to a stream, without a workflow."""


@dataclass(frozen=True, slots=True)
class CommandDefinition:
    """A command and what belongs to it."""

    command: type[Command[Any]]
    kind: CommandKind
    _: KW_ONLY
    handler: str
    """Name of the function that executes it."""
    workflow: type[Workflow[Any]] | None = None
    """Of all kinds but `STREAM`."""
    writer: type[StreamWriter[Any]] | None = None
    """Of the kind `STREAM`."""
    id_field: str | None = None
    """Attribute that holds the workflow's id; `None`: a new one is made (only `STARTS`)."""
    emits: tuple[type[Event], ...] | None = None
    """Events its handler may emit; `None`: all of the workflow's, or of the stream's."""
    validator: str | None = None
    """Name of the function that checks it first."""

    @property
    def name(self) -> str:
        """The command's name."""
        return self.command.command_name

    @property
    def target(self) -> type[Workflow[Any] | StreamWriter[Any]]:
        """What its handler writes with.

        Raises:
            ConfigurationError: It has neither a workflow nor a writer.
        """
        if self.workflow is not None:
            return self.workflow
        if self.writer is not None:
            return self.writer
        raise ConfigurationError(f"command {self.name} needs a workflow or a writer")

    @property
    def result_type(self) -> Any:
        """The `R` of `Command[R]`: what `execute` returns."""
        for base in self.command.__mro__:
            generic = getattr(base, "__pydantic_generic_metadata__", {})
            if generic.get("origin") is Command:
                return generic["args"][0]
        return Any

"""Executing commands: one unit of work each."""

from .definition import CommandDefinition, CommandKind

__all__ = ["CommandDefinition", "CommandKind"]

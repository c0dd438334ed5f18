"""Carry all that one database holds into another, of the same kind or not, and prove it equal."""

from .copy import Copied, CopiedTable, Progress, Stage, copy_database

__all__ = ["Copied", "CopiedTable", "Progress", "Stage", "copy_database"]

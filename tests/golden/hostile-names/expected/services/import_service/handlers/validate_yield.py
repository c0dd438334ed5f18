"""Yield. Yours to edit."""

from headwater import CommandContext

from generated.import_service import Yield


async def validate_yield(command: Yield, context: CommandContext) -> None:
    """Check Yield before its handler runs; raise to refuse it."""

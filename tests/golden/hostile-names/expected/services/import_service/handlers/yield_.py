"""Yield. Yours to edit."""

from headwater import CommandContext

from generated.import_service import GlobalWriter, Yield


async def yield_(command: Yield, stream: GlobalWriter, context: CommandContext) -> None:
    """Execute Yield."""
    raise NotImplementedError("yield_: emit Annotated, ClassVar or Personal")

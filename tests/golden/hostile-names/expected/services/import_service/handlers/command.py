"""Command. Yours to edit."""

from headwater import CommandContext

from generated.import_service import Command, ExceptionWorkflow


async def command(
    command: Command, workflow: ExceptionWorkflow, context: CommandContext
) -> None:
    """Execute Command."""
    raise NotImplementedError("command: emit Event")

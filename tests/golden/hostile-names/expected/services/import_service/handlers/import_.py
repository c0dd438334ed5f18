"""Import. Yours to edit."""

from headwater import CommandContext

from generated.import_service import ExceptionWorkflow, Import


async def import_(
    command: Import, workflow: ExceptionWorkflow, context: CommandContext
) -> str:
    """Execute Import."""
    raise NotImplementedError("import_: emit ValueError, then return workflow.id")

"""OpenPing. Yours to edit."""

from headwater import CommandContext

from generated.every_key import OpenPing, Pinged, PingWorkflow


async def open_ping(
    command: OpenPing, workflow: PingWorkflow, context: CommandContext
) -> str:
    """Execute OpenPing."""
    workflow.emit(Pinged(text=command.text))
    return workflow.id

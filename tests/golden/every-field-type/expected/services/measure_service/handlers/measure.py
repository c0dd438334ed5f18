"""Measure. Yours to edit."""

from headwater import CommandContext

from generated.measure_service import Grade, Measure, ReadingWorkflow


async def measure(
    command: Measure, workflow: ReadingWorkflow, context: CommandContext
) -> list[Grade]:
    """Execute Measure."""
    raise NotImplementedError("measure: emit Private, then return the list[Grade]")

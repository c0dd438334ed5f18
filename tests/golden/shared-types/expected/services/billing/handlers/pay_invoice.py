"""PayInvoice. Yours to edit."""

from headwater import CommandContext

from generated.billing import InvoicePaid, InvoiceWorkflow, PayInvoice


async def pay_invoice(
    command: PayInvoice, workflow: InvoiceWorkflow, context: CommandContext
) -> None:
    """Execute PayInvoice."""
    workflow.emit(InvoicePaid(paid=command.paid))

"""The handlers of billing, one a file. Yours to edit."""

from .pay_invoice import pay_invoice
from .send_invoice import send_invoice

__all__ = [
    "pay_invoice",
    "send_invoice",
]

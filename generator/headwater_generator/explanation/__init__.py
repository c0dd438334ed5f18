"""What happens to an event on its way from one version to another, told op by op on a sample.

`requests` finds what was asked for in the project's specs, `samples` and `journeys` carry the ops
out, `files` names what was generated for it, and `telling` writes it down.
"""

from .requests import explain
from .telling import as_json, as_text

__all__ = ["as_json", "as_text", "explain"]

"""A spec as git leaves it; here it would look like a conflict of this repository."""

from __future__ import annotations

from pathlib import Path

SPEC = """\
headwater: 1
service: user-service
streams:
  users: {type: persistent}
(((((((  HEAD
  mails: {type: ephemeral}
|||||||  base
=======
  orders: {type: persistent}
)))))))  theirs
types:
(((((((  HEAD
  Role: {enum: [member]}
=======
  Role: {enum: [admin]}
)))))))  theirs
"""


def make(root: Path) -> None:
    text = SPEC.replace("(((((((  ", "<" * 7 + " ").replace(")))))))  ", ">" * 7 + " ")
    (root / "spec.yaml").write_text(text.replace("|||||||  ", "|" * 7 + " "))

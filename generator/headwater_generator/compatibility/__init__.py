"""What a change means to those who already read events and send commands.

Read in order:

    baseline    what is compared with: what was released, or a spec as it was at a commit
    contracts   what was accepted and would be refused
    verdicts    BACKWARD, FORWARD and FULL of an event, with the op that earned each
    revisions   the spec as git has it
    judging     a project compared, breaks accepted
    changes     the same comparison, as people read it
"""

from .changes import Change, changes_of
from .judging import Comparison, accept, compare, settled
from .verdicts import MODES, EventVerdicts, Mode, Verdict

__all__ = [
    "MODES",
    "Change",
    "Comparison",
    "EventVerdicts",
    "Mode",
    "Verdict",
    "accept",
    "changes_of",
    "compare",
    "settled",
]

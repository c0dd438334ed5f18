"""HW9xx: the lock, and what was released."""

from ..problems import Code

__all__ = ["CODES"]

CODES = (
    Code(
        id="HW901",
        title="a lock file is damaged, or in conflict",
        explanation=(
            "The lock keeps what was released, so nothing is guessed from a file that is not "
            "whole, and nothing was written. Take the file back with `git checkout`.\n\n"
            "A conflict means that two branches changed the same event. Take the side on which "
            "the event was released (`git checkout --ours` or `--theirs`), resolve the spec, and "
            "run `headwater generate`: drafts are written anew. If both sides released, the later "
            "one becomes the next version: `headwater version NAME`."
        ),
        wrong="<<<<<<< HEAD    (in spec/lock/user_service/UserAdded.lock.json)",
        right="git checkout --theirs spec/lock/user_service/UserAdded.lock.json",
    ),
    Code(
        id="HW902",
        title="a lock file was edited by hand",
        explanation=(
            "Each entry of a lock carries a hash of itself, and here it is another. What was "
            "released can't be changed there: recorded events and other services rely on it. Take "
            "the file back with `git checkout`; a new version begins with `headwater version`."
        ),
        wrong='"status": "draft"    (where it was "released")',
        right="git checkout spec/lock",
    ),
    Code(
        id="HW903",
        title="a newer Headwater wrote the lock",
        explanation=(
            "The format of the lock is one that this version does not know. It would lose what it "
            "does not understand, so it refuses. Install the version that the team uses."
        ),
        wrong='"format": 2    (and this Headwater knows 1)',
        right="pip install --upgrade headwater",
    ),
    Code(
        id="HW904",
        title="a released version has changed",
        explanation=(
            "Events of this version may be recorded, and their readers know it as it was released. "
            "Take the change back, run `headwater version NAME`, which moves the version into the "
            "history, and make the change in the new one.\n\n"
            "Ops that led to a released version belong to it. Where they were wrong, "
            "`headwater release NAME --reason TEXT` replaces them; the lock keeps the reason."
        ),
        wrong="UserAdded: {fields: {user_id: int, full_name: string}}    (name was released)",
        right=(
            "UserAdded:\n"
            "  fields: {user_id: int, full_name: string}\n"
            "  upcast: [rename: {name: full_name}]\n"
            "  history: {1: {fields: {user_id: int, name: string}}}"
        ),
    ),
    Code(
        id="HW905",
        title="a released type has changed",
        explanation=(
            "Released versions of events consist of this type. Take the change back and run "
            "`headwater version NAME`: the type's form moves into its history, older versions of "
            "events name it as `Role@1`, and the released events that have it get their next "
            "version. Then make the change."
        ),
        wrong="Role: {enum: [member, admin, guest]}    (guest is new, and Role was released)",
        right="Role: {enum: [member, admin, guest], history: {1: {enum: [member, admin]}}}",
    ),
    Code(
        id="HW906",
        title="what was released is gone from the spec",
        explanation=(
            "Recorded events of this version could no longer be read. Put it back. Where no store "
            "has such an event, its lock file can be deleted, and with it goes the promise."
        ),
        wrong="history: {2: {fields: {name: string}}}    (and version 1 was released)",
        right="history: {1: {fields: {}}, 2: {fields: {name: string}}}",
    ),
    Code(
        id="HW907",
        title="nothing has this name",
        explanation=(
            "`headwater release` takes names of events and commands, `headwater version` an event "
            "or a type, and `headwater explain` an event, with versions or without: "
            "`UserAdded@1..2`. They are called as the project's specs have them."
        ),
        wrong="headwater version UserAded",
        right="headwater version UserAdded",
    ),
    Code(
        id="HW908",
        title="the version is a draft",
        explanation=(
            "A new version begins where the newest was released. A draft may simply be changed; "
            "`headwater release` freezes it."
        ),
        wrong="headwater version UserAdded    (and nothing was released yet)",
        right="headwater release UserAdded && headwater version UserAdded",
    ),
    Code(
        id="HW909",
        title="git cannot tell what the spec was",
        explanation=(
            "`--against REF` compares with the specs at the commit where HEAD and the ref parted. "
            "For that there must be git, a repository, the ref, and history that reaches back to "
            "that commit: in CI, fetch the branch that you merge into, without a limit of depth. "
            "Without `--against`, the lock is used, which needs none of it."
        ),
        wrong="headwater breaking --against origin/main    (and only the last commit was fetched)",
        right="git fetch --unshallow origin main && headwater breaking --against origin/main",
    ),
    Code(
        id="HW910",
        title="a change breaks those who rely on the service",
        explanation=(
            "Events that are recorded must be readable, and what callers may send must be accepted "
            "after a change. Give an event its next version with ops that lead there, and a new "
            "field of a command a default.\n\n"
            "Where a break is wanted, `headwater breaking --accept TEXT` keeps it in the lock with "
            "its reason. It is accepted once and for what it is: the next one is told again."
        ),
        wrong="AddUser: {fields: {user_id: int, email: email}}    (email is new and required)",
        right="AddUser: {fields: {user_id: int, email: {type: email | null}}}",
    ),
    Code(
        id="HW911",
        title="a published event has no way down to the version at which it leaves",
        explanation=(
            "Without at, an event of a published stream leaves at the version of it that was "
            "released first, whichever it was recorded at, so that those who read it keep "
            "understanding it. Give the ops of each version since then a way down, as "
            "`headwater explain EVENT` shows them. Or state a newer version under publish: then "
            "those who know the older one only are left behind, and the client package gets its "
            "next major version."
        ),
        wrong="publish: true    (and version 2 has the op drop: [name], without what to restore)",
        right="publish: {at: [UserAdded@2]}",
    ),
)

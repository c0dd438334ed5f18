"""HW7xx: writing files."""

from ..problems import Code

__all__ = ["CODES"]

CODES = (
    Code(
        id="HW701",
        title="a generated file was edited by hand",
        explanation=(
            "A generated file is neither what an earlier run wrote nor what this run would write. "
            "To overwrite it would lose the edit, so nothing was written at all.\n\n"
            "Three ways out. To drop the edit, delete the file, or take it back with "
            "`git checkout`, and generate again. To keep it, say it in the spec: every value and "
            "text of a generated file comes from there. If it is behaviour, put it into the "
            "handlers, which are yours.\n\n"
            "Other line ends, an empty file and the conflict markers of a merge are not edits: "
            "such a file is written again."
        ),
        wrong="# generated/user_service/events.py\nclass UserAddedV1(Event):\n    nickname: str",
        right="# spec/user_service.yaml\nUserAdded: {fields: {nickname: string}}",
    ),
    Code(
        id="HW702",
        title="a file is in the way",
        explanation=(
            "Where a generated file belongs there is one that Headwater has no record of and did "
            "not make, or a file stands where a folder belongs. Nothing was "
            "written. Move it elsewhere, or delete it."
        ),
        wrong="generated/user_service/events.py    (written by hand)",
        right="services/user_service/events.py     (or any other place)",
    ),
    Code(
        id="HW703",
        title="a newer generator wrote the package",
        explanation=(
            "The manifest says that a newer version of Headwater generated this package. An older "
            "one would take its work back, so it refuses. Install the version that the manifest "
            "names, or a newer one."
        ),
        wrong='"generator": "2.1.0"    (and headwater 2.0.3 runs)',
        right="pip install 'headwater>=2.1.0'",
    ),
    Code(
        id="HW704",
        title="another run is writing",
        explanation=(
            "Two runs in one project take turns, and this one waited a minute for its turn. The "
            "lock belongs to the process that holds it and ends with it, so a lock that is left "
            "over can't be the reason; a run that hangs can."
        ),
        wrong="headwater generate & headwater generate    (and the first is suspended)",
        right="headwater generate",
    ),
    Code(
        id="HW705",
        title="a path leads out of the folders to write to",
        explanation=(
            "Once symbolic links are followed, a file would be written or removed outside of the "
            "folders that the configuration or the command line name. Nothing was written. Remove "
            "the link, or name the folder that it leads to with `--out` or `--services`."
        ),
        wrong="generated/user_service -> /srv/shared/user_service",
        right="headwater generate --out /srv/shared",
    ),
    Code(
        id="HW706",
        title="a file cannot be read or written",
        explanation=(
            "The system refused: no space is left, or access is not granted. Files are written "
            "beside their place first and renamed when all of them are there, so each is whole, as "
            "it was or as it should be. Remove the cause and generate again."
        ),
        wrong="chmod a-w generated/user_service",
        right="chmod u+w generated/user_service",
    ),
    Code(
        id="HW707",
        title="no handler has this name",
        explanation=(
            "`--stubs` makes the stub of one handler again. It takes the name of the handler's "
            "function, of its command or of its subscription, as the specs of this run have them."
        ),
        wrong="headwater generate --stubs invite_usr",
        right="headwater generate --stubs invite_user",
    ),
    Code(
        id="HW708",
        title="the stub is there",
        explanation=(
            "A stub is never overwritten, not even when `--stubs` asks for it. Move the file away "
            "first; the new one is then made in its place."
        ),
        wrong="headwater generate --stubs invite_user    (and invite_user.py is there)",
        right="mv invite_user.py old.py; headwater generate --stubs invite_user",
    ),
    Code(
        id="HW709",
        title="a shared file has lost its marks",
        explanation=(
            "The pyproject.toml of a client package is yours but for a few lines, version and "
            "dependencies among them, which stand between two marks and are written again by each "
            "run. Without the marks nobody can tell which lines are meant."
        ),
        wrong='[project]\nname = "user-service-client"\nversion = "1.0.0"    (and no mark above)',
        right="git checkout generated/user_service_client/pyproject.toml && headwater generate",
    ),
    Code(
        id="HW710",
        title="a generated file is out of date",
        explanation=(
            "`--check` found a generated file that differs from what the spec and this version of "
            "Headwater make of it. Run `headwater generate` and commit the result."
        ),
        wrong="headwater generate --check    (after a change of the spec)",
        right="headwater generate",
    ),
    Code(
        id="HW711",
        title="a generated file is missing",
        explanation=(
            "`--check` did not find a file that belongs to the generated package. Run `headwater "
            "generate` and commit the result, new files included."
        ),
        wrong="git add -u    (after an event was added)",
        right="git add generated",
    ),
    Code(
        id="HW712",
        title="a file does not belong to the generated package",
        explanation=(
            "`--check` found a file that an earlier run made and this one would not, which "
            "`headwater generate` removes; or one that Headwater never made, which it leaves "
            "alone: move that elsewhere, or delete it."
        ),
        wrong="generated/user_service/notes.txt",
        right="services/user_service/notes.txt",
    ),
    Code(
        id="HW713",
        title="there is no such client package",
        explanation=(
            "`headwater package` builds the client packages of services that publish a stream. No "
            "service is called as it was told, or the service publishes nothing."
        ),
        wrong="streams: {users: {type: persistent}}    (then: headwater package user-service)",
        right="streams: {users: {type: persistent, publish: true}}",
    ),
    Code(
        id="HW714",
        title="what would be packaged is not released",
        explanation=(
            "Who installs a version of a client package relies on it, and a draft may still "
            "change. Freeze it with `headwater release`; or say `--drafts`, to try it out under a "
            "version that no one takes for final, such as 1.1.0.dev0."
        ),
        wrong="headwater package    (with a draft among the published events)",
        right="headwater release && headwater package",
    ),
    Code(
        id="HW715",
        title="what builds the package is not installed",
        explanation=(
            "The pyproject.toml of a client package names its build backend, and what that "
            "requires, under [build-system]. `headwater package` downloads nothing: install it "
            "where headwater is installed. Hatchling comes with headwater[generator]."
        ),
        wrong='requires = ["flit_core>=3.12"]    (and it is not installed)',
        right="pip install 'flit_core>=3.12' && headwater package",
    ),
    Code(
        id="HW716",
        title="the package was not built",
        explanation=(
            "The build backend failed, or left out files that were generated: then the package "
            "could not be imported. Look at what you changed in its pyproject.toml."
        ),
        wrong='[tool.hatch.build.targets.wheel]\nexclude = ["schemas"]',
        right='[tool.hatch.build.targets.wheel]\nexclude = ["test_*.py"]',
    ),
)

"""HW0xx: files and YAML."""

from ..problems import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "HW001",
        "a file cannot be read",
        "The path does not exist, is not a file, or may not be read. Paths on the command line are "
        "relative to where you are, those under [tool.headwater] to the project, and imports to "
        "the file that names them.",
        wrong="headwater check spec/user_servcie.yaml",
        right="headwater check spec/user_service.yaml",
    ),
    Code(
        "HW002",
        "a file is not UTF-8",
        "Specs are UTF-8; a byte order mark of UTF-8 is accepted. Save the file as UTF-8 in your "
        "editor.",
        wrong="a file saved as UTF-16",
        right="the same text saved as UTF-8",
    ),
    Code(
        "HW003",
        "a file is not YAML",
        "The parser stopped here, and could not read on: fix this first, more may follow. Frequent "
        "causes are a tab in the indentation, a bracket that is never closed, the marks of a merge "
        'conflict, and a text that contains ": " or begins with @ or a backtick without quotes.',
        wrong="description: Users: all of them",
        right='description: "Users: all of them"',
    ),
    Code(
        "HW004",
        "a file is empty",
        "A spec begins with the grammar's version and the name of its service.",
        wrong="",
        right="headwater: 1\nservice: user-service",
    ),
    Code(
        "HW005",
        "a file holds several documents",
        "A line with --- begins another YAML document, and a spec is one. To spread a spec over "
        "files, put them in a folder; several services are several specs.",
        wrong="description: Users.\n---\ndescription: Orders.",
        right="description: Users.",
    ),
    Code(
        "HW006",
        "aliases, anchors and merge keys are refused",
        "An alias makes a spec harder to read than what it saves, and a few lines of them can "
        "stand for gigabytes. Write it out, or declare a type and name it.",
        wrong="types:\n  Home: &home {fields: {city: string}}\n  Work: *home",
        right="types:\n  Address: {fields: {city: string}}\n"
        "  Person: {fields: {home: Address, work: Address}}",
    ),
    Code(
        "HW007",
        "YAML tags are refused",
        "A tag such as !!python/object or !!binary tells a YAML reader to build something. A spec "
        "is plain data: the keys say what a value is.",
        wrong="description: !!str Users.",
        right="description: Users.",
    ),
    Code(
        "HW008",
        "a key is there twice",
        "Most YAML readers would silently keep the last one. In a spec of several files, a name "
        "may be declared in one file only, and service and description stand in one.",
        wrong="types:\n  Role: {enum: [member]}\n  Role: {enum: [admin]}",
        right="types:\n  Role: {enum: [member, admin]}",
    ),
    Code(
        "HW009",
        "a character is refused",
        "Control characters, invisible ones and those that turn the direction of reading make a "
        "spec look different from what it says. They are refused everywhere, in comments and as "
        "escapes too.",
        wrong='description: "Users\\u202e."',
        right="description: Users.",
    ),
    Code(
        "HW010",
        "the nesting is too deep",
        "Mappings and lists may be 64 levels deep; no spec needs more.",
        wrong="x-deep: " + "[" * 64 + "]" * 64,
        right="x-deep: [[[]]]",
    ),
    Code(
        "HW011",
        "a limit is passed",
        "A spec has at most 8 MiB and 100,000 lines, all its files together, and a text at most "
        "20,000 characters. A service has at most 5,000 events, as many types, commands and so "
        "on, and each of them at most 500 fields.",
        wrong="description: a text of more than 20,000 characters",
        right="description: a shorter one",
    ),
    Code(
        "HW012",
        "YAML means something else without quotes",
        "YAML 1.1 takes no, on and yes for booleans, 012 for ten and 2024-05-01 for a date; YAML "
        "1.2 does not. So that every reader sees the same, such words need quotes where a text is "
        "due, booleans are true and false, and numbers are plain decimal digits.",
        wrong="types:\n  Answer: {enum: [yes, no]}",
        right='types:\n  Answer: {enum: ["yes", "no"]}',
    ),
    Code(
        "HW013",
        "a path leads out of the project",
        "Specs and imports lie inside the project, links resolved. An import is a relative path "
        "with / between its parts; URLs are not read.",
        wrong="imports: [../../etc/types.yaml]",
        right="imports: [shared/types.yaml]",
    ),
    Code(
        "HW014",
        "a file's name is refused",
        "The name of a spec stands in the header of everything generated from it. Quotes, "
        "backslashes, braces and control characters have no place there.",
        wrong="headwater check 'spec/my \"users\".yaml'",
        right="headwater check spec/users.yaml",
    ),
    Code(
        "HW015",
        "a spec's folder is odd",
        "A folder is a spec whose files end in .yaml and lie directly in it. A file that ends in "
        ".yml would be passed over in silence, so it is refused, there and in spec/.",
        wrong="spec/users/events.yml",
        right="spec/users/events.yaml",
    ),
    Code(
        "HW016",
        "[tool.headwater] is wrong",
        "pyproject.toml sets spec (a path or a list), out (a folder), package and handlers (import "
        "names, in which {service} stands for the service). All are optional. The end of out that "
        "is also the beginning of package counts once, so out is the folder from which the package "
        "is imported, or lies on the way from there to the package; places from which Python could "
        "not import are refused, and names that would hide what others import. Handlers are a "
        "package inside another one, beside which `headwater run` finds what it needs.",
        wrong='[tool.headwater]\npackage = "acme-users"',
        right='[tool.headwater]\npackage = "acme.{service}.contract"',
    ),
    Code(
        "HW017",
        "there is no spec",
        "Without a path and without spec under [tool.headwater], whatever lies in spec/ is read: "
        "files with service or headwater among their keys, and folders with such a file. What "
        "has nothing but types is there to be imported.",
        wrong="headwater check      (with an empty spec/)",
        right="headwater init shop",
    ),
)

"""HW3xx: names."""

from ..problems import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "HW301",
        "a name is not in its case",
        "Services, streams and subscriptions are kebab-case; types, workflows, events and commands "
        "PascalCase; fields snake_case. Names are made of the letters a to z and digits, and begin "
        "with a letter: they become names in Python, in files and in addresses.",
        wrong="types:\n  userRole: {enum: [member]}",
        right="types:\n  UserRole: {enum: [member]}",
    ),
    Code(
        "HW302",
        "a name is too long",
        "Names have at most 80 characters, enum values and notes at most 200, so that what is "
        "made of them fits into file systems, databases and brokers.",
        wrong="types:\n  " + "Very" * 21 + "LongName: {enum: [member]}",
        right="types:\n  VeryLongName: {enum: [member]}",
    ),
    Code(
        "HW303",
        "something is declared twice",
        "An event's name is unique in its service, and a type is declared either in the spec or "
        "in one of the files that it imports.",
        wrong="streams:\n  log: {type: persistent}\n"
        "workflows:\n"
        "  User: {stream: log, events: {Closed: {}}}\n"
        "  Order: {stream: log, events: {Closed: {}}}",
        right="streams:\n  log: {type: persistent}\n"
        "workflows:\n"
        "  User: {stream: log, events: {UserClosed: {}}}\n"
        "  Order: {stream: log, events: {OrderClosed: {}}}",
    ),
    Code(
        "HW304",
        "a name is reserved",
        "It is a constant of Python, a module or class of every generated package, or a device of "
        "Windows; the name of a service is no keyword either. Names that are merely in use "
        "elsewhere are no trouble: a field called class or model_config is renamed in Python "
        "(class_) and keeps its name on the wire.",
        wrong="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  events: {stream: users, mode: broadcast}",
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "subscriptions:\n  all-events: {stream: users, mode: broadcast}",
    ),
    Code(
        "HW305",
        "names differ only in spelling",
        "Some disks do not tell upper from lower case, and people neither.",
        wrong="types:\n  UserRole: {enum: [member]}\n  Userrole: {enum: [admin]}",
        right="types:\n  UserRole: {enum: [member]}\n  AdminRole: {enum: [admin]}",
    ),
    Code(
        "HW306",
        "two things get one name in Python",
        "All classes of a service share one package, and all its handlers one module. Workflow "
        "User becomes UserWorkflow, stream users UsersWriter, an event is there under its name and "
        "with its version, and command AddUser becomes the handler add_user.",
        wrong="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "commands:\n  UserAdded: {starts: User}",
        right="streams:\n  users: {type: persistent}\n"
        "workflows:\n  User: {stream: users, events: {UserAdded: {}}}\n"
        "commands:\n  AddUser: {starts: User}",
    ),
    Code(
        "HW307",
        "an enum value gives no member name",
        "A value becomes a member in upper case: in-progress is IN_PROGRESS. Two values may not "
        "become one member, and a value of more than eight characters needs an ASCII letter or "
        "digit.",
        wrong="types:\n  State: {enum: [in-progress, in_progress]}",
        right="types:\n  State: {enum: [in-progress, done]}",
    ),
    Code(
        "HW308",
        "two specs make one service or package",
        "Each spec of a run describes a service of its own, with a package of its own. If package "
        "under [tool.headwater] is one fixed name, put {service} into it.",
        wrong="spec/users.yaml and spec/people.yaml, both with service: user-service",
        right="service: user-service and service: people-service",
    ),
    Code(
        "HW309",
        "two names become one in protobuf",
        "Protobuf calls fields in its JSON without underscores, the next letter in upper case: "
        "a1 and a_1 are both a1. The same holds for the values of an enum, which also may not be "
        "called as another enum's with its prefix, and for two versions of a type in one tagged "
        "union. Each version of an event has a message of its own, so a field may be renamed from "
        "a1 to a_1.",
        wrong="types:\n  Address: {fields: {line1: string, line_1: string}}",
        right="types:\n  Address: {fields: {line1: string, line2: string}}",
    ),
)

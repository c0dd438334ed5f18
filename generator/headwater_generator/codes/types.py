"""HW4xx: types, fields and defaults."""

from ..problems import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "HW401",
        "there is no such type",
        "A type is built in (string, int, float, bool, decimal, uuid, date, time, datetime, "
        "duration, bytes, email, uri, json), declared under types, or imported.",
        wrong="types:\n  User: {fields: {name: str}}",
        right="types:\n  User: {fields: {name: string}}",
    ),
    Code(
        "HW402",
        "a type is malformed",
        "A type is a name, list<T>, map<T> (its keys are strings), or T | null. For one of several "
        "objects, declare a tagged union.",
        wrong='types:\n  User: {fields: {scores: "map<string, int>"}}',
        right="types:\n  User: {fields: {scores: map<int>}}",
    ),
    Code(
        "HW403",
        "a constraint does not apply to its type",
        "minLength, maxLength and pattern are for texts (the lengths for bytes too), minimum and "
        "its kin for int, float and decimal, minItems, maxItems and uniqueItems for lists, "
        "minProperties and maxProperties for maps. Those of T | null are those of T; what holds "
        "for an item of a list cannot be said at the list.",
        wrong="types:\n  User: {fields: {age: {type: int, minLength: 1}}}",
        right="types:\n  User: {fields: {age: {type: int, minimum: 1}}}",
    ),
    Code(
        "HW404",
        "constraints contradict",
        "No value can meet them.",
        wrong="types:\n  User: {fields: {age: {type: int, minimum: 10, maximum: 1}}}",
        right="types:\n  User: {fields: {age: {type: int, minimum: 1, maximum: 10}}}",
    ),
    Code(
        "HW405",
        "a pattern does not work",
        "Patterns run on an engine that takes time linear in the text, whatever the pattern: so "
        "there is no look-around and there are no back-references. They stand in JSON "
        "Schemas too, which other languages read, so only what ECMA-262 takes alike is taken: no "
        "flags, no \\A and \\z, no classes inside classes. They have at most 1,000 characters.",
        wrong="types:\n  User: {fields: {code: {type: string, pattern: '^(?=.*[0-9])[a-z0-9]+$'}}}",
        right="types:\n  User: {fields: {code: {type: string, pattern: '^[a-z]*[0-9][a-z0-9]*$'}}}",
    ),
    Code(
        "HW406",
        "a default is not a value of its type",
        "Defaults are written as they are on the wire: times with their zone, bytes in base64. A "
        "duration may also be written as elsewhere in a spec, such as 90s.",
        wrong="types:\n  User: {fields: {age: {type: int, default: many}}}",
        right="types:\n  User: {fields: {age: {type: int, default: 18}}}",
    ),
    Code(
        "HW407",
        "a default does not meet a constraint",
        "A field that is not given would be refused.",
        wrong="types:\n  User: {fields: {age: {type: int, minimum: 18, default: 0}}}",
        right="types:\n  User: {fields: {age: {type: int, minimum: 18, default: 18}}}",
    ),
    Code(
        "HW408",
        "a number cannot be represented",
        "Whole numbers of a spec fit into 64 bits, others into a double. NaN and infinity are not "
        "JSON. Use decimal for more digits.",
        wrong="types:\n  User: {fields: {score: {type: float, default: .nan}}}",
        right="types:\n  User: {fields: {score: {type: float, default: 0.0}}}",
    ),
    Code(
        "HW409",
        "a member of a tagged union is no object",
        "The tag is a field beside the others, so there must be others.",
        wrong="types:\n  Id: {one_of: [Number, string], tag: kind}\n"
        "  Number: {fields: {value: int}}",
        right="types:\n  Id: {one_of: [Number, Text], tag: kind}\n"
        "  Number: {fields: {value: int}}\n  Text: {fields: {value: string}}",
    ),
    Code(
        "HW410",
        "a tag has the name of a field",
        "The tag is added to every member, where this field already stands.",
        wrong="types:\n  Contact: {one_of: [Email], tag: kind}\n"
        "  Email: {fields: {kind: string, address: email}}",
        right="types:\n  Contact: {one_of: [Email], tag: contact}\n"
        "  Email: {fields: {kind: string, address: email}}",
    ),
    Code(
        "HW411",
        "an object has two tags",
        "An object has one form on the wire, with one tag, whatever union it is in.",
        wrong="types:\n  Contact: {one_of: [Email], tag: kind}\n"
        "  Address: {one_of: [Email], tag: type}\n  Email: {fields: {text: email}}",
        right="types:\n  Contact: {one_of: [Email], tag: kind}\n"
        "  Address: {one_of: [Email], tag: kind}\n  Email: {fields: {text: email}}",
    ),
    Code(
        "HW412",
        "a type contains itself",
        "A value would have no end. A type may refer to itself through T | null, list<T> or "
        "map<T>, which can be empty.",
        wrong="types:\n  Folder: {fields: {name: string, parent: Folder}}",
        right="types:\n  Folder: {fields: {name: string, parent: Folder | null}}",
    ),
)

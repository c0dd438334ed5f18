"""Every name, type, import and order of a generated package, settled: what templates see.

Read in order:

    places        import names and the folders that they stand for
    scope         the names of one module, and the imports that follow from their use
    versions      the versions of events: what is made of each is made from these
    origins       all that an event's own files follow from, as a hash
    parts         what templates see
    commands      what follows from how a command is declared
    literals      values of the spec as Python expressions
    forms         what datamodel-code-generator has to be asked for one spec
    annotations   field types, as it writes them for pydantic
    facts         what is settled once for a service, for every module below
    attributes    fields as attributes of a class
    order         types, each below what it needs
    data          `types.py`, `events.py` and `commands.py`
    functions     the functions that a team writes, and their signatures
    service       `workflows.py`, `subscriptions.py`, `handlers.py` and `service.py`
    stubs         what a handler's file holds when it is first written
    package       all of that in one function, `build`
"""

"""Every name, type, import and order of a generated package, settled: what templates see.

Read in order:

    places        import names and the folders that they stand for
    scope         the names of one module, and the imports that follow from their use
    annotations   field types, as datamodel-code-generator writes them for pydantic
    literals      values of the spec as Python expressions
    package       the model itself
"""

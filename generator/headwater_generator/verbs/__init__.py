"""The generator's verbs of the `headwater` command, one module each, light to import."""

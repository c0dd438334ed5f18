"""Names that a field cannot have in Python, because the classes it lands in use them."""

__all__ = ["RESERVED_FIELD_NAMES"]

RESERVED_FIELD_NAMES = frozenset(
    {
        "command_name",
        "construct",
        "copy",
        "dict",
        "event_name",
        "event_version",
        "from_orm",
        "json",
        "model_computed_fields",
        "model_config",
        "model_construct",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_extra",
        "model_fields",
        "model_fields_set",
        "model_json_schema",
        "model_parametrized_name",
        "model_post_init",
        "model_rebuild",
        "model_validate",
        "model_validate_json",
        "model_validate_strings",
        "parse_file",
        "parse_obj",
        "parse_raw",
        "schema",
        "schema_json",
        "terminal",
        "update_forward_refs",
        "validate",
    }
)
"""Attributes of `Event`, `Data` and `Command`; `_` and `model_` in front are taken too."""

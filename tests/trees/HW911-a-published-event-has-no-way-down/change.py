"""The next version of a published event drops a field, and says not what to restore."""

from pathlib import Path

from headwater_generator.versioning import release_drafts


def change(root: Path) -> None:
    release_drafts(root)
    spec = root / "spec" / "user_service.yaml"
    spec.write_text(
        spec.read_text().replace(
            "UserAdded: {fields: {user_id: int, name: string}}",
            "UserAdded: {fields: {user_id: int}, upcast: [{drop: [name]}], "
            "history: {1: {fields: {user_id: int, name: string}}}}",
        )
    )

from pathlib import Path

from headwater_generator.versioning import release_drafts

SPEC = Path("spec", "user_service.yaml")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def change(root: Path) -> None:
    release_drafts(root)
    edit(root / SPEC, "name: string", "full_name: string")

from pathlib import Path

LOCK = Path("spec", "lock", "user_service", "UserAdded.lock.json")
OURS = '      "status": "draft",\n'
THEIRS = '      "status": "released",\n'


def change(root: Path) -> None:
    text = (root / LOCK).read_text()
    assert OURS in text
    both = f"<<<<<<< HEAD\n{OURS}=======\n{THEIRS}>>>>>>> other\n"
    (root / LOCK).write_text(text.replace(OURS, both, 1))

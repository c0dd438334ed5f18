"""A client package as an older Headwater made it, in the project's environment."""

from pathlib import Path


def make(root: Path) -> None:
    package = root / ".venv/lib/python3.11/site-packages/user_service_client_old"
    package.mkdir(parents=True)
    text = (
        (root / "user_service.yaml")
        .read_text()
        .replace("  AddUser: {starts: User, emits: [NoMatterHere]}\n", "")
    )
    text = text.replace("commands:\n", "x-format: 0\n")
    (package / "contract.yaml").write_text(text)
    (package / "__init__.py").write_text("raise SystemExit('nothing of it is executed')\n")

"""A hundred thousand events, ten in a line, in two files."""

from pathlib import Path


def make(folder: Path) -> None:
    """Write the spec."""
    spec = folder / "spec.yaml"
    spec.mkdir()
    head = "headwater: 1\nservice: user-service\nstreams: {log: {type: persistent}}\n"
    for part in range(2):
        lines = [
            ", ".join(f"Event{part}X{line}X{number}: {{}}" for number in range(10))
            for line in range(5_000)
        ]
        events = ",\n      ".join(lines)
        flow = f"workflows:\n  Flow{part}:\n    stream: log\n    events: {{{events}}}\n"
        (spec / f"part{part}.yaml").write_text(flow if part else head + flow)

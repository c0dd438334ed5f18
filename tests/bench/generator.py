"""What generating costs: nothing to do, 500 events from nothing, one changed, a huge spec.

The peer is a bare call of datamodel-code-generator on the very schemas that the generated package
publishes, without a formatter: the least that a generator of pydantic models built on it can cost.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from .process import Cost, interleaved, run
from .scale import Scale

__all__ = ["PEER", "bundle", "measure"]

EVENTS = 500

HUGE_LINES = 20_000

PEER = """
import sys
from pathlib import Path
from datamodel_code_generator import (
    DataModelType, GenerateConfig, InputFileType, PythonVersion, generate,
)
generate(
    Path(sys.argv[1]).read_text(),
    config=GenerateConfig(
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        use_annotated=True, field_constraints=True, disable_timestamp=True,
        skip_root_model=True, formatters=[],
    ),
)
"""


def spec_lines(events: int, minimum: int = 0, note: str = "string") -> Iterator[str]:
    """Yield the lines of a spec with so many events of eight fields, twenty to a workflow.

    Args:
        minimum: A constraint of one of them.
        note: The type of one of its fields.
    """
    yield "headwater: 1\nservice: bench-service\ndescription: A service to measure with."
    yield "types:\n  Grade: {enum: [low, middle, high]}\nstreams:\n  log: {type: persistent}"
    yield "workflows:"
    for number in range(events):
        if number % 20 == 0:
            yield f"  Flow{number // 20}:\n    stream: log\n    events:"
        yield f"      Event{number}Happened:"
        yield f"        description: What happened when event {number} did."
        yield "        fields:"
        yield "          id: uuid"
        yield "          name: {type: string, maxLength: 80}"
        yield f"          amount: {{type: int, minimum: {minimum if number == 7 else 0}}}"
        yield "          ratio: float"
        yield "          at: datetime"
        yield "          tags: list<string>"
        yield "          grade: Grade"
        yield f"          note: {note if number == 7 else 'string'} | null"
    yield "subscriptions:\n  everything: {stream: log, mode: broadcast, handler: false}"


def nestings() -> Iterator[str]:
    """Yield types of lists and maps inside each other, none of them twice."""
    for depth in range(3, 9):
        for containers in product(("list", "map"), repeat=depth):
            yield "<".join([*containers, "string"]) + ">" * depth


def measure(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (case, figure, goal)."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure(Path(folder), scale.rounds)


def _measure(folder: Path, rounds: int) -> Iterator[tuple[str, str, str]]:
    headwater = [sys.executable, "-m", "headwater"]
    warm = _project(folder / "warm", EVENTS)
    run([*headwater, "generate"], warm)
    schemas = folder / "schemas.json"
    schemas.write_text(json.dumps(bundle(warm / "generated" / "bench_service")))
    one = folder / "one.json"
    one.write_text(json.dumps(bundle(warm / "generated" / "bench_service", limit=1)))
    minimums, types = iter(range(1, 10_000)), nestings()

    def nothing_to_do() -> Cost:
        return run([*headwater, "generate"], warm)

    def from_nothing() -> Cost:
        cold = _project(folder / "cold", EVENTS)
        try:
            return run([*headwater, "generate"], cold)
        finally:
            shutil.rmtree(cold)

    def one_changed() -> Cost:
        _write(edited, spec_lines(EVENTS, minimum=next(minimums)))
        return run([*headwater, "generate"], edited)

    def one_of_a_new_form() -> Cost:
        _write(formed, spec_lines(EVENTS, note=next(types)))
        return run([*headwater, "generate"], formed)

    edited = _project(folder / "edited", EVENTS)
    run([*headwater, "generate"], edited)
    formed = _project(folder / "formed", EVENTS)
    run([*headwater, "generate"], formed)
    samples = interleaved(
        rounds,
        {
            "python": lambda: run([sys.executable, "-c", "pass"], folder),
            "nothing": nothing_to_do,
            "peer 500": lambda: run([sys.executable, "-c", PEER, str(schemas)], folder),
            "from nothing": from_nothing,
            "peer cold": lambda: run([sys.executable, "-c", PEER, str(one)], folder),
            "one changed": one_changed,
            "new form": one_of_a_new_form,
        },
    )
    nothing, cold = samples["nothing"], samples["from nothing"]
    changed, anew = samples["one changed"], samples["new form"]
    yield "an empty python", f"{samples['python'].wall():.3f} s", ""
    yield "nothing to do", f"{nothing.wall():.3f} s", "at most 0.15 s"
    yield (
        f"{EVENTS} events from nothing",
        f"{cold.ratio(samples['peer 500']):.2f} x bare library ({cold.wall():.2f} s)",
        "at most 2",
    )
    yield (
        f"one changed of {EVENTS}",
        f"{changed.ratio(samples['peer cold']):.2f} x its cold start ({changed.wall():.2f} s)",
        "at most 1.5",
    )
    yield (
        f"one changed of {EVENTS}, a form never seen",
        f"{anew.ratio(samples['peer cold']):.2f} x its cold start ({anew.wall():.2f} s)",
        "",
    )
    yield (
        f"peak memory, {EVENTS} events",
        f"{cold.memory():.0f} MiB (bare library {samples['peer 500'].memory():.0f})",
        "",
    )
    huge = folder / "huge"
    text = "\n".join(spec_lines(HUGE_LINES // 11))
    _project(huge, HUGE_LINES // 11)
    cost = run([*headwater, "generate"], huge)
    lines = text.count("\n") + 1
    yield f"a spec of {lines:,} lines", f"{cost.wall:.1f} s, {cost.memory:.0f} MiB", "done"


def _project(folder: Path, events: int) -> Path:
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.headwater]\n")
    (folder / "spec").mkdir()
    _write(folder, spec_lines(events))
    return folder


def _write(folder: Path, lines: Iterator[str]) -> None:
    (folder / "spec" / "bench_service.yaml").write_text("\n".join(lines))


def bundle(package: Path, limit: int | None = None) -> dict[str, object]:
    """Return the published schemas as one document, each event a definition of its own."""
    definitions: dict[str, object] = {}
    for path in sorted((package / "schemas").glob("*.json"))[:limit]:
        schema = json.loads(path.read_text())
        definitions.update(schema.pop("$defs", {}))
        schema.pop("$schema", None)
        schema.pop("$id", None)
        definitions[path.name.removesuffix(".json").replace(".", "")] = schema
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}

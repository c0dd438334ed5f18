"""Services as a picture: what it shows, and that names cannot draw anything of their own."""

from pathlib import Path

import pytest
from headwater_generator.check import load_specs
from headwater_generator.outputs.diagram import diagram
from headwater_generator.verbs.diagram import run

ROOT = Path(__file__).parents[3]

SPEC = """
headwater: 1
service: shop
streams: {orders: {type: persistent}}
workflows:
  Order:
    stream: orders
    events:
      OrderPlaced:
        fields: {sku: string, count: int}
        upcast: [add: {count: 1}]
        history: {1: {fields: {sku: string}}}
      OrderGone: {terminal: true}
commands:
  PlaceOrder: {starts: Order, fields: {sku: string}}
  ImportOrders: {stream: orders}
subscriptions:
  old-board: {stream: orders, mode: broadcast, handler: false, events: [OrderPlaced@1]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.headwater]\nspec = ["shop.yaml"]\n')
    (tmp_path / "shop.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_shows_who_writes_where_and_who_reads_what(project: Path) -> None:
    [spec] = load_specs([project / "shop.yaml"], project)
    drawn = diagram([spec])

    for line in (
        'command__shop__place_order -- "starts" --> workflow__shop__order',
        'command__shop__import_orders -- "writes to" --> stream__shop__orders',
        "workflow__shop__order --> stream__shop__orders",
        'stream__shop__orders -- "OrderPlaced v1" --> subscription__shop__old_board',
        '(["Order<br/>OrderPlaced v2<br/>OrderGone, terminal"]):::workflow',
        '["old-board<br/>broadcast, iterator"]:::subscription',
    ):
        assert line in drawn


def test_several_services_stand_side_by_side(project: Path) -> None:
    (project / "other.yaml").write_text(SPEC.replace("service: shop", "service: other-shop"))
    specs = load_specs([project / "shop.yaml", project / "other.yaml"], project)
    drawn = diagram(specs)

    assert drawn.count("subgraph") == 2
    assert "stream__shop__orders" in drawn
    assert "stream__other_shop__orders" in drawn


def test_a_stream_that_another_service_reads_leads_there(project: Path) -> None:
    (project / "shop.yaml").write_text(SPEC.replace("persistent}", "persistent, publish: true}"))
    (project / "ledger.yaml").write_text(
        "headwater: 1\nservice: ledger\nremote: {shop: {spec: shop.yaml, streams: [orders]}}\n"
        "subscriptions: {books: {stream: shop/orders, mode: consumer-group}}\n"
    )

    drawn = diagram(load_specs([project / "shop.yaml", project / "ledger.yaml"], project))

    assert 'stream__shop__orders -. "ingest" .-> stream__ledger__shop__orders' in drawn
    assert "stream__ledger__shop__orders --> subscription__ledger__books" in drawn


def test_it_goes_to_standard_output_or_into_a_file(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("flowchart LR\n")

    assert run(["shop.yaml", "--out", "shop.mmd"]) == 0
    assert (project / "shop.mmd").read_text() == shown
    assert run(["--out", "no/such/folder.mmd"]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_svg_is_drawn_without_a_browser(project: Path) -> None:
    assert run(["--format", "svg", "--out", "shop.svg"]) == 0

    drawn = (project / "shop.svg").read_text()
    assert drawn.startswith("<svg")
    assert "OrderPlaced v2" in drawn


def test_a_wrong_spec_is_told_as_everywhere(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "shop.yaml").write_text(SPEC.replace("stream: orders, mode", "stream: odrers, mode"))

    assert run([]) == 2
    assert "HW501" in capsys.readouterr().err

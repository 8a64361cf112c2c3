"""The TypeScript side of the contract is the one that `contract.py` and the table of views say."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbtrack.views import VIEWS, typescript

CONTRACT_TS = Path(__file__).parents[2] / "js" / "contract.ts"


def test_contract_ts_is_generated_from_contract_py() -> None:
    assert CONTRACT_TS.read_text(encoding="utf-8") == typescript.render(), (
        f"js/contract.ts is not what contract.py says. Regenerate it with: {typescript.COMMAND}"
    )


def test_the_order_in_which_views_are_imported_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = typescript.render()
    monkeypatch.setattr(typescript, "VIEWS", dict(reversed(VIEWS.items())))
    assert typescript.render() == expected


def test_every_request_and_field_reaches_typescript() -> None:
    text = typescript.render()
    for view in VIEWS.values():
        kinds = (view.request, view.reply)
        assert f"  {view.name}: {{ payload: {kinds[0].__name__}; reply: {kinds[1].__name__} }};" in text
        for kind in kinds:
            body = text.split(f"export interface {kind.__name__} {{")[1].split("\n}")[0]
            for field in kind.__annotations__:
                assert f"  {field}: " in body or f"  {field}?: " in body

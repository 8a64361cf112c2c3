"""The TypeScript side of the contract is the one that `contract.py` says."""

from __future__ import annotations

from pathlib import Path

from nbtrack.views import typescript

CONTRACT_TS = Path(__file__).parents[2] / "js" / "contract.ts"


def test_contract_ts_is_generated_from_contract_py() -> None:
    assert CONTRACT_TS.read_text(encoding="utf-8") == typescript.render(), (
        f"js/contract.ts is not what contract.py says any more. Regenerate it with: {typescript.COMMAND}"
    )


def test_every_request_and_field_reaches_typescript() -> None:
    from nbtrack.views import contract

    text = typescript.render()
    for name, (payload, reply) in contract.REQUESTS.items():
        assert f"  {name}: {{ payload: {payload.__name__}; reply: {reply.__name__} }};" in text
        for kind in (payload, reply):
            body = text.split(f"export interface {kind.__name__} {{")[1].split("\n}")[0]
            for field in kind.__annotations__:
                assert f"  {field}: " in body

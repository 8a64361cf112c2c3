"""YAML as it stands in a model's files, by PyYAML's parser in C where that is there: ten times as fast."""

from __future__ import annotations

from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_yaml(text: str) -> Any:
    """What a text says; yaml.YAMLError where it is none."""
    return yaml.load(text, _Loader)


def write_yaml(content: Any, *, sort_keys: bool = True) -> str:
    """Content as a text, a line for each value."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=sort_keys, allow_unicode=True, default_flow_style=False))

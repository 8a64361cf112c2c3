"""YAML as it stands in a model's files, read and written by PyYAML's C code where that is installed: ten times as fast.

PyYAML is imported at the first use, because reading schemas, signatures and URIs does without it.
"""

from __future__ import annotations

from typing import Any


class InvalidYaml(ValueError):
    """A string that is not YAML; the message says where and why."""


def read_yaml(text: str) -> Any:
    """Return what a YAML document holds. Raises InvalidYaml."""
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InvalidYaml(str(error)) from error


def write_yaml(content: Any, *, sort_keys: bool = True) -> str:
    """Return content as a YAML document, one value a line."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(content, Dumper=dumper, sort_keys=sort_keys, allow_unicode=True, default_flow_style=False))

"""Read and write YAML with PyYAML's C code if it is installed, which is ten times as fast.

PyYAML is imported at the first use, because schemas, signatures and URIs do not need it.
"""

from __future__ import annotations

from typing import Any


class InvalidYaml(ValueError):
    """A string is not valid YAML. The message says where and why."""


def read_yaml(text: str) -> Any:
    """Return the content of a YAML document. Raises InvalidYaml."""
    import yaml

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InvalidYaml(str(error)) from error


def write_yaml(content: Any, *, sort_keys: bool = True) -> str:
    """Return the content as a YAML document, with one value per line."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(content, Dumper=dumper, sort_keys=sort_keys, allow_unicode=True, default_flow_style=False))

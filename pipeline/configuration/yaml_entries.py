"""The entries of a YAML file of one level. Values stay the texts that they are written as.

YAML 1.1, which PyYAML reads, makes a boolean of `no`, a number of `010` and of `3:30`, and a date of `2026-01-01`.
What a value means is for the option to say that takes it, as on the command line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import yaml

from albert_embed.pipeline.console.usage_error import UsageError

_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(
    f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "seq", "map")
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """A key with its value.

    Attributes:
      key: as it is written.
      place: the file and the line, for messages.
      values: the texts; of a scalar one. None means null, the option's default.
      is_list: whether the value is a list.
    """

    key: str
    place: str
    values: tuple[str, ...] | None
    is_list: bool = False

    @property
    def name(self) -> str:
        """The key with hyphens, by which entries and flags are compared."""
        return normalise_name(self.key)


def normalise_name(name: str) -> str:
    """Returns the name of a key or a flag with hyphens in place of underscores, without those at its start."""
    return name.lstrip("-").replace("_", "-").lower()


def parse_entries(content: bytes, path: str) -> list[Entry]:
    """Reads the entries of a file; an empty one has none.

    Args:
      content: of the file.
      path: of the file, for messages.

    Raises:
      UsageError: if it is not YAML, or not one mapping of names to texts and lists of texts, or has a key twice; the
        message names the line.
    """
    root = _compose(content, path)
    if root is None or root.tag == f"{_TAG}null":
        return []
    if not isinstance(root, yaml.MappingNode):
        found = "a list" if isinstance(root, yaml.SequenceNode) else f"the text {root.value!r}"
        raise UsageError(f"{path} holds {found}; give names of flags with their values, such as max-tokens: 128")
    entries: dict[str, Entry] = {}
    for entry in _list_entries(root, path):
        before = entries.setdefault(entry.name, entry)
        if before is not entry:
            raise UsageError(f"{entry.place}: {entry.key} is given twice, first in {before.place}; give it once")
    return list(entries.values())


def _compose(content: bytes, path: str) -> yaml.Node | None:
    """Parses YAML without making Python objects of it."""
    try:
        loader = yaml.SafeLoader(content.decode("utf-8-sig"))
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except UnicodeDecodeError as e:
        line = content[: e.start].count(b"\n") + 1
        raise UsageError(f"{path}, line {line}: the file is not UTF-8; convert it") from e
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = path if mark is None else f"{path}, line {mark.line + 1}"
        what = ", ".join(filter(None, (e.context, e.problem)))
        raise UsageError(f"{place}: this is not YAML: {what}") from e
    except yaml.YAMLError as e:  # a character that YAML does not allow
        raise UsageError(f"{path}: this is not YAML: {e}") from e
    except RecursionError as e:
        raise UsageError(f"{path} is nested too deeply; give names of flags with their values") from e


def _list_entries(root: yaml.MappingNode, path: str) -> Iterator[Entry]:
    for key, value in root.value:
        place = f"{path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise UsageError(f"{place}: a key is a list or a mapping; give the name of a flag")
        if key.tag == f"{_TAG}merge":
            raise UsageError(f"{place}: << merges another mapping, and there is none here; write the keys themselves")
        yield _read_entry(key.value, value, place)


def _read_entry(key: str, value: yaml.Node, place: str) -> Entry:
    _check_tag(key, value, place)
    if isinstance(value, yaml.MappingNode):
        raise UsageError(f"{place}: {key} is a mapping; all keys are on one level, give it a value or a list of values")
    if isinstance(value, yaml.SequenceNode):
        values = tuple(_read_text(key, item, place) for item in value.value)
        if not values:
            raise UsageError(f"{place}: {key} is an empty list; give a value, or leave the line out")
        return Entry(key=key, place=place, values=values, is_list=True)
    if value.tag == f"{_TAG}null" and value.value:
        return Entry(key=key, place=place, values=None)
    return Entry(key=key, place=place, values=(_read_text(key, value, place),))


def _read_text(key: str, value: yaml.Node, place: str) -> str:
    if not isinstance(value, yaml.ScalarNode):
        raise UsageError(f"{place}: {key} has a list or a mapping in its list; give a list of values")
    _check_tag(key, value, place)
    if value.tag == f"{_TAG}null":
        raise UsageError(f"{place}: {key} has no value; give one, or leave the line out")
    return str(value.value)


def _check_tag(key: str, value: yaml.Node, place: str) -> None:
    if value.tag not in _TAGS:
        raise UsageError(f"{place}: {key} has the tag {value.tag!r}; leave the tag out")

"""`RecordFields`: which fields of a record are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFields:
    """The fields of a record that are read, whatever the format.

    Attributes:
      text: holds the text.
      id: holds the id, a string or an integer.
      id_required: whether a record without an id is a failure; else its id is a hash of its content.
      pair: holds the second text, where texts come in pairs.
      kept: fields that travel to the output, with their types (`pipeline.settings.kept_fields`).
    """

    text: str = "text"
    id: str = "id"
    id_required: bool = False
    pair: str | None = None
    kept: dict[str, FieldType] = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(options: EmbedOptions) -> RecordFields:
        """The fields that the options of a run name."""
        return RecordFields(
            text=options.text_field,
            id=options.id_field or "id",
            id_required=options.id_field is not None,
            pair=options.pair_field,
            kept=parse_kept_fields(options.keep_fields),
        )

    @property
    def names(self) -> list[str]:
        """All of them, the text first."""
        pair = [] if self.pair is None else [self.pair]
        return list(dict.fromkeys([self.text, self.id, *pair, *self.kept]))


def add_field_types(keep_fields: Sequence[str], types: Mapping[str, str], named_by: str) -> tuple[str, ...]:
    """`--keep-fields` with types for those that name none.

    Args:
      keep_fields: `NAME` or `NAME:TYPE` each.
      types: field → type, "?" and its name in the input where it can't be kept.
      named_by: what the types are of, for messages.

    Raises:
      ValueError: where there is no such field, or it has a type that can't be kept.
    """
    return tuple(field if ":" in field else f"{field}:{_find_type(field, types, named_by)}" for field in keep_fields)


def _find_type(field: str, types: Mapping[str, str], named_by: str) -> str:
    if field not in types:
        raise ValueError(
            f"--keep-fields has {field!r}, but {named_by} has no such column; its columns are: "
            f"{', '.join(sorted(types))[:200]}"
        )
    if types[field].startswith("?"):
        raise ValueError(
            f"--keep-fields has {field!r}, which is {types[field][1:]} in {named_by}; strings, integers, floats and "
            "lists of them can be kept"
        )
    return types[field]

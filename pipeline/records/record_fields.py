"""`RecordFields`: which fields of a record are read."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence

from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.field_type import VALUE_TYPES, FieldType
from albert_embed.pipeline.settings.kept_fields import list_kept_fields, parse_kept_fields
from albert_embed.pipeline.storage.paths import show_path

# The types of a field that is null throughout a file, and of one whose lists hold nothing but nulls.
NULLS = ("?null", "?null[]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFields:
    """The fields of a record that are read, whatever the format.

    Attributes:
      text: holds the text.
      id: holds the id, a string or an integer.
      id_required: whether a record without an id is a failure; else its id is a hash of its content.
      pair: holds the second text, where texts come in pairs.
      kept: columns of fields that travel to the output, with their types (`pipeline.settings.kept_fields`).
      renamed: of those columns whose field has another name, that name.
    """

    text: str = "text"
    id: str = "id"
    id_required: bool = False
    pair: str | None = None
    kept: dict[str, FieldType] = dataclasses.field(default_factory=dict)
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(options: EmbedOptions) -> RecordFields:
        """Returns the fields that the options of a run name."""
        return RecordFields(
            text=options.text_field,
            id=options.id_field or "id",
            id_required=options.id_field is not None,
            pair=options.pair_field,
            kept=parse_kept_fields(options.keep_fields),
            renamed={kept.column: kept.field for kept in list_kept_fields(options.keep_fields)},
        )

    @property
    def names(self) -> list[str]:
        """All of them, the text first."""
        pair = [] if self.pair is None else [self.pair]
        return list(dict.fromkeys([self.text, self.id, *pair, *map(self.find_field, self.kept)]))

    def find_field(self, column: str) -> str:
        """Returns the name of the field that a kept column is made of."""
        return self.renamed.get(column, column)

    def list_options(self) -> dict[str, str]:
        """Returns the fields that must be there, with the option that names each."""
        options = {self.find_field(column): "--keep-fields" for column in self.kept}
        if self.id_required:
            options[self.id] = "--id-field"
        if self.pair is not None:
            options[self.pair] = "--pair-field"
        return {**options, self.text: "--text-field"}


def find_missing_field(fields: RecordFields, known: Collection[str], path: str) -> str | None:
    """Describes the first field that a file does not have, with the nearest one; None if it has all.

    Args:
      fields: that the options name.
      known: those of the file.
      path: of the file, for messages; or the table.
    """
    for field, option in fields.list_options().items():
        if field not in known:
            return describe_missing_field(option, field, known, f"{show_path(path)} has no such field")
    return None


def describe_missing_field(option: str, field: str, known: Collection[str], lack: str) -> str:
    """Describes a field that is not there, with the nearest one; or a type that is none, behind one that is there.

    Args:
      option: that names it.
      field: its name.
      known: the fields that are there.
      lack: says who does not have it.
    """
    name, _, type_name = field.rpartition(":")
    if option == "--keep-fields" and name in known:
        types = ", ".join(VALUE_TYPES)
        return f"{option} has {field!r}, and {type_name!r} is no type; choose from {types}, with [] after it for a list"
    near = difflib.get_close_matches(field, known, n=1, cutoff=0.5)
    nearest = f"; is it {near[0]!r}?" if near else "."
    described = f"{option} has {field!r}, but {lack}{nearest} The fields are: {', '.join(sorted(known))[:400]}"
    return described.encode(errors="backslashreplace").decode()


@dataclasses.dataclass(frozen=True, kw_only=True)
class FieldTypes:
    """The types of an input's fields.

    Attributes:
      named_by: what the types are of, for messages.
      types: field → type, "?" and its name in the input where it can't be kept; empty where there are no types.
    """

    named_by: str
    types: Mapping[str, str]

    def add_to(self, keep_fields: Sequence[str]) -> tuple[str, ...]:
        """Returns `--keep-fields` with types for those that name none, where there are types.

        Args:
          keep_fields: as `KeptField.parse` takes them.

        Raises:
          ValueError: if there is no such field, or it has a type that can't be kept.
        """
        if not self.types:
            return tuple(keep_fields)
        return tuple(
            field.with_type(field.type_name or self._find(field.field)) for field in list_kept_fields(keep_fields)
        )

    def _find(self, field: str) -> str:
        if field not in self.types:
            lack = f"{self.named_by} has no such field"
            raise ValueError(describe_missing_field("--keep-fields", field, self.types, lack))
        type_ = self.types[field]
        if type_ in NULLS:
            example = f"{field}:string" + type_.removeprefix(NULLS[0])
            raise ValueError(
                f"--keep-fields has {field!r}, which is null throughout {self.named_by}, so it has no type; give it "
                f"one, such as {example}"
            )
        if type_.startswith("?"):
            raise ValueError(
                f"--keep-fields has {field!r}, which is {type_[1:]} in {self.named_by}; strings, integers, floats and "
                "lists of them can be kept"
            )
        return type_

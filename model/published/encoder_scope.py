"""Finds the encoder in a checkpoint by the prefix that its weights' names share. Everything else is skipped.

What people save around an encoder (heads, optimizer slots, wrappers) may have any name; the encoder's own names are
fixed. So the encoder is found by them, and no list is needed of what does not belong to it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container, Iterable

from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.directory.foreign_model import name_foreign_weights

_MAX_NAMES_IN_NOTE = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamingScheme:
    """The naming of one kind of checkpoint.

    Attributes:
      separator: between the parts of a name.
      anchor: the name of a weight that every encoder has, without prefix.
      usual_prefix: matches the known prefixes; another is accepted if it is the only one, with a note.
      buffers: matches names among the encoder's weights that are not weights.
    """

    separator: str
    anchor: str
    usual_prefix: re.Pattern[str]
    buffers: re.Pattern[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderScope:
    """The encoder's part of a checkpoint.

    Attributes:
      names: name without prefix → name in the checkpoint, for everything in the encoder.
      notes: what a user should know: an unknown prefix, what was skipped.
    """

    names: dict[str, str]
    notes: tuple[str, ...]


HUGGING_FACE_NAMES = NamingScheme(
    separator=".",
    anchor="embeddings.word_embeddings.weight",
    # The attribute of transformers' models, and what torch's, Lightning's and sentence-transformers' wrappers add.
    usual_prefix=re.compile(r"^(?:(?:albert|module|_orig_mod|model|state_dict|base_model|\d+|auto_model)\.)*$"),
    buffers=re.compile(r"^embeddings\.(?:position_ids|token_type_ids)$"),
)
TF1_NAMES = NamingScheme(
    separator="/",
    anchor="embeddings/word_embeddings",
    usual_prefix=re.compile(r"^(?:module/)?(?:bert/|albert/)?$"),
    buffers=re.compile(r"(?!)"),
)


def find_encoder(names: Iterable[str], scheme: NamingScheme, *, source: str) -> EncoderScope:
    """Finds the encoder's part of a checkpoint that holds `names`; `source` names it in errors.

    Raises:
      CheckpointError: if there is no encoder, or more than one.
    """
    names = sorted(names)
    prefix = _find_prefix(names, scheme, source)
    inside = re.compile(rf"^(?:embeddings|encoder|pooler){re.escape(scheme.separator)}")
    found: dict[str, str] = {}
    passed_over: list[str] = []
    for name in names:
        bare = name[len(prefix) :]
        if name.startswith(prefix) and inside.match(bare) and not scheme.buffers.match(bare):
            found[bare] = name
        else:
            passed_over.append(name)
    _refuse_foreign(found.values(), source)
    # The names of an optimizer's slots, and of moving averages, start with the name of their weight.
    slots = [bare for bare in found if _has_parent(bare, found, scheme.separator)]
    passed_over += [found.pop(bare) for bare in slots]
    notes = []
    if not scheme.usual_prefix.match(prefix):
        notes.append(f"the encoder's weights have the prefix {prefix!r}, which is not one of the usual ones")
    if passed_over:
        notes.append(_note_passed_over(sorted(passed_over)))
    return EncoderScope(names=found, notes=tuple(notes))


def _find_prefix(names: list[str], scheme: NamingScheme, source: str) -> str:
    end = scheme.separator + scheme.anchor
    prefixes = [name[: -len(scheme.anchor)] for name in names if name == scheme.anchor or name.endswith(end)]
    chosen = [prefix for prefix in prefixes if scheme.usual_prefix.match(prefix)] or prefixes
    if not chosen:
        _refuse_foreign(names, source)
        raise CheckpointError(
            f"{source} holds no ALBERT encoder: no name ends in {scheme.anchor}; it holds "
            f"{', '.join(names[:_MAX_NAMES_IN_NOTE]) or 'nothing'}{' and more' * (len(names) > _MAX_NAMES_IN_NOTE)}"
        )
    if len(chosen) > 1:
        raise CheckpointError(
            f"{source} holds {len(chosen)} encoders, with the prefixes {', '.join(map(repr, chosen))}; "
            "save the one to embed with in a checkpoint of its own"
        )
    return chosen[0]


def _refuse_foreign(names: Iterable[str], source: str) -> None:
    foreign = name_foreign_weights(names)
    if foreign is not None:
        raise CheckpointError(f"{source}: these weights are {foreign}")


def _has_parent(name: str, names: Container[str], separator: str) -> bool:
    """Returns whether `name` continues another of `names`."""
    parts = name.split(separator)
    return any(separator.join(parts[:count]) in names for count in range(1, len(parts)))


def _note_passed_over(names: list[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMES_IN_NOTE])
    if len(names) == 1:
        return f"1 tensor outside the encoder is skipped: {shown}"
    more = f" and {len(names) - _MAX_NAMES_IN_NOTE:,} more" if len(names) > _MAX_NAMES_IN_NOTE else ""
    return f"{len(names):,} tensors outside the encoder are skipped: {shown}{more}"

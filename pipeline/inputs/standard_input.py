"""Standard input as a file, which can be read in parts and twice, as workers do."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import runs_on_this_machine
from albert_embed.pipeline.storage.compression import recognise_compression

_NAME = "standard-input"
_COPY_BYTES = 1 << 20


@contextlib.contextmanager
def spool_standard_input(options: EmbedOptions, beam_options: PipelineOptions) -> Iterator[InputFile | None]:
    """Copies standard input to a temporary file, which is removed at the end; yields None if the run reads none.

    The name has the ending of its compression, if there is one, since names tell that.

    Raises:
      ValueError: if standard input is closed or empty, or workers may run where the file is not.
    """
    if not options.reads_standard_input:
        yield None
        return
    check_standard_input(beam_options)
    with tempfile.TemporaryDirectory(prefix="albert-embed-") as folder:
        start = sys.stdin.buffer.read(_COPY_BYTES)
        if not start:
            raise ValueError("--input - reads standard input, which is empty; has the command before it failed?")
        compression = recognise_compression(start)
        name = _NAME if compression is None else _NAME + compression.endings[0]
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(start)
            shutil.copyfileobj(sys.stdin.buffer, file, _COPY_BYTES)
        yield InputFile(path=path, name=name, bytes=os.path.getsize(path), modified=0)


def check_standard_input(beam_options: PipelineOptions) -> None:
    """Raises ValueError if standard input is closed, or workers may run where a copy of it is not."""
    if not runs_on_this_machine(beam_options):
        raise ValueError(
            "--input - is copied to a file of this machine, which workers elsewhere can't read; copy the content to "
            f"where they can, and give that, or leave --runner {beam_options.view_as(StandardOptions).runner} out"
        )
    if sys.stdin is None:
        raise ValueError("--input - reads standard input, which is closed; pipe the content into this command")

"""`AnalysisCache`: what tf.Transform's analysers found in files that were analysed before, and which those are.

tf.Transform keeps its cache by data set, each in a folder of its own. A data set here is one file. Where there are more
new files than `MAX_NEW_DATASETS`, several share a data set, because each costs the pipeline a few dozen stages.
`cache.json` says which files a data set consists of. It is written last: folders that it does not name belong to a run
that was cut off, and are cleared by the next one. A data set is used again only while all its files are unchanged, by
path, size and time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.transforms.files.directories import read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import copy_directory, delete_directory, list_directory

logger = logging.getLogger(__name__)

CACHE_FILE = "cache.json"
FAILURES_FILE = "failures.jsonl"
FORMAT_VERSION = 1
MAX_NEW_DATASETS = 16
# With more data sets than this, the smaller half of them is read again, as one.
MAX_CACHED_DATASETS = 48


class AnalysisCacheError(ValueError):
    """A cache belongs to another vocabulary."""


@dataclasses.dataclass(frozen=True, kw_only=True, order=True)
class Dataset:
    """Files that are analysed together.

    Attributes:
      files: in the order of their paths.
    """

    files: tuple[InputFile, ...]

    @property
    def key(self) -> str:
        """The name of its folder: a hash of its files."""
        content = json.dumps([file.to_dict() for file in self.files], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(file.bytes for file in self.files)


class AnalysisCache:
    """The cache in one directory, on any file system that Beam and TensorFlow know.

    Args:
      directory: where it is or will be.
      vocabulary_fingerprint: of the vocabulary that the analysis is for.
      provenance: everything else that a cached analysis depends on: options, versions, how the files are read. A cache
        that was made with anything else is not used.
    """

    def __init__(self, directory: str, *, vocabulary_fingerprint: str, provenance: Mapping[str, Any]) -> None:
        self.directory = directory
        self._vocabulary_fingerprint = vocabulary_fingerprint
        self._provenance = json.loads(json.dumps({"format_version": FORMAT_VERSION, **provenance}))
        self._known: list[Dataset] = []
        self._claim = Claim(directory, make_run_name(), named="--cache")

    def open(self, *, replace: bool) -> None:
        """Locks the cache, reads which data sets are there, and clears what is left of other runs and versions.

        Args:
          replace: whether a cache of another vocabulary is cleared too.

        Raises:
          AnalysisCacheError: if the cache is another vocabulary's and `replace` is not given, or the directory holds
            something else.
          OutputError: if another run is using the cache.
        """
        self._claim.acquire(PipelineOptions([]))
        try:
            self._read(replace=replace)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets other runs use the cache again."""
        self._claim.release()

    def _read(self, *, replace: bool) -> None:
        path = FileSystems.join(self.directory, CACHE_FILE)
        try:
            found = json.loads(read_file(path))
            vocabulary, provenance = found["vocabulary"], found["made_with"]
            datasets = [Dataset(files=tuple(InputFile(**file) for file in files)) for files in found["datasets"]]
        except FileNotFoundError:
            vocabulary, provenance, datasets = self._vocabulary_fingerprint, self._provenance, []
        except (ValueError, KeyError, TypeError) as e:
            raise AnalysisCacheError(
                f"{path} is not the index of an analysis cache: {e!r}; give another --cache, or remove the directory"
            ) from e
        if vocabulary != self._vocabulary_fingerprint and not replace:
            raise AnalysisCacheError(
                f"the analysis cache in {self.directory} was made for another model: its vocabulary is "
                f"{vocabulary[:16]}…, this one's {self._vocabulary_fingerprint[:16]}…; give another --cache"
            )
        if (vocabulary, provenance) != (self._vocabulary_fingerprint, self._provenance):
            logger.info("the analysis cache in %s was made with other options or versions and is not used", path)
            datasets = []
        names = list_directory(self.directory)
        whole = {name.split("/")[0] for name in names if name.endswith("/" + FAILURES_FILE)}
        self._known = [dataset for dataset in datasets if dataset.key in whole]
        self._clear(names)

    def failures_file(self, dataset: Dataset) -> str:
        """Returns the path of a data set's failures, one JSON object per line."""
        return FileSystems.join(self.directory, dataset.key, FAILURES_FILE)

    def check_out(self, dataset: Dataset, directory: str) -> None:
        """Copies what is known about a data set to its folder in `directory`."""
        copy_directory(FileSystems.join(self.directory, dataset.key), FileSystems.join(directory, dataset.key))

    def check_in(self, dataset: Dataset, directory: str) -> None:
        """Copies what was found in a data set, failures included, from its folder in `directory`."""
        copy_directory(FileSystems.join(directory, dataset.key), FileSystems.join(self.directory, dataset.key))

    def arrange(self, files: Sequence[InputFile]) -> tuple[list[Dataset], list[Dataset]]:
        """Divides the files of the input into data sets that are in the cache, and others that must be read."""
        wanted = set(files)
        cached = sorted((d for d in self._known if wanted.issuperset(d.files)), key=lambda d: (d.bytes, d))
        wanted.difference_update(file for dataset in cached for file in dataset.files)
        new = [Dataset(files=tuple(part)) for part in _divide(sorted(wanted), MAX_NEW_DATASETS)]
        if len(cached) > MAX_CACHED_DATASETS:
            small, cached = cached[: len(cached) // 2], cached[len(cached) // 2 :]
            new.append(Dataset(files=tuple(sorted(file for dataset in small for file in dataset.files))))
        return cached, new

    def commit(self, datasets: Sequence[Dataset]) -> None:
        """Marks the folders of these data sets as complete, and removes all others."""
        content = {
            "vocabulary": self._vocabulary_fingerprint,
            "made_with": self._provenance,
            "datasets": [[file.to_dict() for file in dataset.files] for dataset in sorted(datasets)],
        }
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        write_file_atomically(FileSystems.join(self.directory, CACHE_FILE), text.encode())
        self._known = list(datasets)
        self._clear(list_directory(self.directory))

    def _clear(self, names: Sequence[str]) -> None:
        """Removes those of the named files that are not in the folder of a known data set."""
        known = {dataset.key for dataset in self._known}
        for folder in sorted({name.split("/")[0] for name in names if "/" in name} - known):
            if _is_key(folder):
                delete_directory(FileSystems.join(self.directory, folder))


def _is_key(name: str) -> bool:
    return len(name) == 32 and not set(name) - set("0123456789abcdef")


def _divide(files: Sequence[InputFile], max_parts: int) -> list[list[InputFile]]:
    """Divides the files into parts of about the same size, no more than `max_parts`; of few files, one file each."""
    if len(files) <= max_parts:
        return [[file] for file in files]
    parts: list[list[InputFile]] = [[] for _ in range(max_parts)]
    sizes = [0] * max_parts
    for file in sorted(files, key=lambda file: (-file.bytes, file)):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(file)
        sizes[smallest] += file.bytes + 1
    return [sorted(part) for part in parts if part]

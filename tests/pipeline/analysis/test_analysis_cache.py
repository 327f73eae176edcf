"""Which data sets the analysis cache gives again, and which it does not."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from albert_embed.pipeline.analysis.analysis_cache import (
    MAX_CACHED_DATASETS,
    MAX_NEW_DATASETS,
    AnalysisCache,
    AnalysisCacheError,
    Dataset,
)
from albert_embed.pipeline.listing.input_files import InputFile, list_input
from albert_embed.pipeline.storage.output_error import OutputError

VOCABULARY = "ab" * 32


def make_file(name: str, *, size: int = 10, modified: float = 1.5, repeat: int = 0) -> InputFile:
    return InputFile(path=f"/corpus/{name}", name=name, bytes=size, modified=modified, repeat=repeat)


def open_cache(
    directory: Path, *, vocabulary: str = VOCABULARY, provenance: str = "these options", replace: bool = False
) -> AnalysisCache:
    cache = AnalysisCache(
        str(directory), vocabulary_fingerprint=vocabulary, provenance={"options": provenance, "pair": (1, 2)}
    )
    cache.open(replace=replace)
    cache.close()
    return cache


def analyze(cache: AnalysisCache, files: list[InputFile]) -> tuple[list[Dataset], list[Dataset]]:
    """Returns what a run does with the cache: the data sets that it takes from there, and those that it reads."""
    cached, new = cache.arrange(files)
    for dataset in new:
        folder = Path(cache.directory).parent / "work" / dataset.key
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "MANIFEST").write_text("what tf.Transform found")
        (folder / "failures.jsonl").write_text("")
        cache.check_in(dataset, str(folder.parent))
    cache.commit([*cached, *new])
    return cached, new


def test_a_file_is_read_once_as_long_as_it_stays_what_it_is(tmp_path: Path) -> None:
    first, second = make_file("a"), make_file("b")
    assert analyze(open_cache(tmp_path / "cache"), [first]) == ([], [Dataset(files=(first,))])
    assert analyze(open_cache(tmp_path / "cache"), [first, second]) == (
        [Dataset(files=(first,))],
        [Dataset(files=(second,))],
    )
    for changed in (make_file("b", size=11), make_file("b", modified=1.6)):
        cached, new = analyze(open_cache(tmp_path / "cache"), [first, changed])
        assert (cached, new) == ([Dataset(files=(first,))], [Dataset(files=(changed,))])
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {
        "cache.json",
        Dataset(files=(first,)).key,
        new[0].key,
    }


def test_what_a_run_that_was_cut_off_has_left_is_cleared(tmp_path: Path) -> None:
    analyze(open_cache(tmp_path / "cache"), [make_file("a")])
    unfinished = Dataset(files=(make_file("b"),))
    (tmp_path / "cache" / unfinished.key).mkdir()
    (tmp_path / "cache" / unfinished.key / "MANIFEST").write_text("written before the data")
    (tmp_path / "cache" / "notes").mkdir()
    (tmp_path / "cache" / "notes" / "mine.txt").write_text("not the cache's")
    cached, new = open_cache(tmp_path / "cache").arrange([make_file("a"), make_file("b")])
    assert (cached, new) == ([Dataset(files=(make_file("a"),))], [unfinished])
    assert not (tmp_path / "cache" / unfinished.key).exists() and (tmp_path / "cache" / "notes" / "mine.txt").exists()


def test_other_options_or_versions_find_nothing_and_leave_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    analyze(open_cache(tmp_path / "cache"), [make_file("a")])
    with caplog.at_level(logging.INFO):
        cache = open_cache(tmp_path / "cache", provenance="others")
    assert "was made with other options or versions and is not used" in caplog.text
    assert cache.arrange([make_file("a")]) == ([], [Dataset(files=(make_file("a"),))])
    assert not (tmp_path / "cache" / Dataset(files=(make_file("a"),)).key).exists()


def test_another_models_cache_is_refused_or_replaced(tmp_path: Path) -> None:
    analyze(open_cache(tmp_path / "cache"), [make_file("a")])
    with pytest.raises(
        AnalysisCacheError, match=r"was made for another model: its vocabulary is abab.*this one's cdcd"
    ):
        open_cache(tmp_path / "cache", vocabulary="cd" * 32)
    assert open_cache(tmp_path / "cache").arrange([make_file("a")])[1] == []
    assert open_cache(tmp_path / "cache", vocabulary="cd" * 32, replace=True).arrange([make_file("a")])[0] == []


def test_a_data_set_whose_folder_is_gone_is_read_again(tmp_path: Path) -> None:
    _, (dataset,) = analyze(open_cache(tmp_path / "cache"), [make_file("a")])
    shutil.rmtree(tmp_path / "cache" / dataset.key)
    assert open_cache(tmp_path / "cache").arrange([make_file("a")]) == ([], [dataset])


def test_two_runs_at_once_are_refused_and_a_refused_one_holds_nothing(tmp_path: Path) -> None:
    first = AnalysisCache(str(tmp_path / "cache"), vocabulary_fingerprint=VOCABULARY, provenance={})
    first.open(replace=False)
    with pytest.raises(OutputError, match="is being written by another run"):
        open_cache(tmp_path / "cache")
    first.commit([])
    first.close()
    with pytest.raises(AnalysisCacheError, match="was made for another model"):
        open_cache(tmp_path / "cache", vocabulary="cd" * 32)
    open_cache(tmp_path / "cache")


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", json.dumps({"vocabulary": VOCABULARY, "made_with": 1})])
def test_what_is_no_index_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "cache.json").write_text(content)
    with pytest.raises(AnalysisCacheError, match=r"cache\.json is not the index of an analysis cache"):
        open_cache(tmp_path / "cache")


def test_many_new_files_share_a_few_data_sets_of_like_size(tmp_path: Path) -> None:
    files = [make_file(f"{number:04}", size=1 + number) for number in range(1000)]
    cached, new = analyze(open_cache(tmp_path / "cache"), files)
    assert cached == [] and len(new) == MAX_NEW_DATASETS
    assert sorted(file for dataset in new for file in dataset.files) == files
    assert max(dataset.bytes for dataset in new) < 1.01 * min(dataset.bytes for dataset in new)
    # One file that changed costs the others of its data set, and no more.
    again, read = analyze(open_cache(tmp_path / "cache"), [make_file("0000", size=9), *files[1:]])
    assert len(again) == MAX_NEW_DATASETS - 1
    assert sum(len(dataset.files) for dataset in read) == len(next(d for d in new if files[0] in d.files).files)


def test_years_of_daily_files_never_make_too_many_data_sets(tmp_path: Path) -> None:
    files: list[InputFile] = []
    files_read = 0
    for day in range(150):
        files.append(make_file(f"{day:04}", size=1000 - day))
        cached, new = analyze(open_cache(tmp_path / "cache"), files)
        files_read += sum(len(dataset.files) for dataset in new)
        assert len(cached) + len(new) <= MAX_CACHED_DATASETS + 2
        assert sorted(file for dataset in [*cached, *new] for file in dataset.files) == files
    assert files_read < 3 * len(files)


def test_a_file_that_two_patterns_name_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    once, twice = list_input([str(tmp_path / "*.txt"), str(tmp_path / "a.*")]).files
    assert (once.path, once.bytes, once.repeat, twice.repeat) == (str(tmp_path / "a.txt"), 4, 0, 1)
    assert once.modified == (tmp_path / "a.txt").stat().st_mtime
    assert len(analyze(open_cache(tmp_path / "cache"), [once, twice])[1]) == 2

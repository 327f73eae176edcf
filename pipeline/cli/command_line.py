"""The console script `albert-embed`. Nothing heavy is imported until a command needs it: `--help` answers at once."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import functools
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from albert_embed.model.engines import ENGINES
from albert_embed.pipeline.settings.analyze_options import DEFAULT_SHAPES, AnalyzeOptions
from albert_embed.pipeline.settings.embed_options import (
    BIGQUERY_METHODS,
    EMBEDDING_NAMES,
    ENCODINGS,
    FORMATS,
    LONG_DOCUMENTS,
    SINKS,
    VECTOR_INDEX,
    EmbedOptions,
)
from albert_embed.pipeline.settings.table_name import names_table

EXIT_USAGE = 2
EXIT_TOO_MANY_FAILURES = 3
EXIT_FAILED = 4


class UsageError(ValueError):
    """The command line asks for something that can't be."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status is 0 only when everything was written and published."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser(as_json="--json" in arguments and arguments[0] != "inspect")
    known, rest = parser.parse_known_args(arguments)
    # This program's own words from INFO up; Beam's and TensorFlow's, of which there are hundreds a run, from WARNING.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger().addFilter(_is_worth_reading)
    logging.getLogger("albert_embed").setLevel(logging.INFO)
    # TensorFlow's notes on the CPU it runs on and the GPU it lacks; its errors stay.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    takes_beam_options = known.command in ("embed", "analyze")
    as_json = known.command != "inspect" and getattr(known, "json", False)
    try:
        if not takes_beam_options:
            refuse_unknown_flags(rest, _flags(parser, known.command))
        status: int = known.run(known, rest)
        return status
    except (ValueError, OSError) as e:  # what the user gave can't be used
        print(f"albert-embed {known.command}: {e}", file=sys.stderr)
        return _end(EXIT_USAGE, e, as_json=as_json)
    except Exception as e:  # the run itself failed
        logging.getLogger(__name__).debug("", exc_info=True)
        from albert_embed.pipeline.settings.failure_limit import TooManyFailuresError

        if isinstance(e, TooManyFailuresError):
            print(f"albert-embed {known.command}: {e}", file=sys.stderr)
            return _end(EXIT_TOO_MANY_FAILURES, e, as_json=as_json)
        print(f"albert-embed {known.command} failed: {type(e).__name__}: {e}", file=sys.stderr)
        return _end(EXIT_FAILED, e, as_json=as_json)


_STATUSES = {EXIT_USAGE: "usage", EXIT_TOO_MANY_FAILURES: "too many failures", EXIT_FAILED: "failed"}


def _end(status: int, error: Exception, *, as_json: bool) -> int:
    """`status`; with `as_json`, what went wrong as the one line of standard output."""
    if as_json:
        line = {"status": _STATUSES[status], "exit_status": status, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(line, ensure_ascii=False))
    return status


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """False for what Beam 2.77 says wherever torch is not installed, of a module that is there all the same."""
    return not record.getMessage().startswith("Resource module is not available")


class _Parser(argparse.ArgumentParser):
    """Says what it refuses as the one line of JSON too, where the command line asks for one."""

    def __init__(self, *, as_json: bool = False, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)
        self._as_json = as_json

    def error(self, message: str) -> NoReturn:
        _end(EXIT_USAGE, UsageError(message), as_json=self._as_json)
        super().error(message)


def make_parser(*, as_json: bool = False) -> argparse.ArgumentParser:
    """The parser of all commands; with `as_json` it says what it refuses on standard output too."""
    parser: argparse.ArgumentParser = _Parser(
        as_json=as_json, prog="albert-embed", description="Embed text corpora with ALBERT on Apache Beam."
    )
    commands = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="COMMAND",
        parser_class=cast("type[argparse.ArgumentParser]", functools.partial(_Parser, as_json=as_json)),
    )
    _add_export(commands)
    _add_analyze(commands, _add_embed(commands))
    _add_inspect(commands)
    _add_compact(commands)
    return parser


def refuse_unknown_flags(rest: Sequence[str], known: set[str]) -> None:
    """Raises UsageError for the first of `rest` that `known` does not hold, naming the nearest known flag."""
    for argument in rest:
        flag = argument.split("=", 1)[0]
        if not flag.startswith("-"):
            raise UsageError(f"unexpected argument {argument!r}")
        if flag not in known:
            nearest = difflib.get_close_matches(flag, sorted(known), n=1, cutoff=0.0)
            raise UsageError(f"unknown flag {flag}; the nearest known one is {nearest[0]}")


def _flags(parser: argparse.ArgumentParser, command: str) -> set[str]:
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {flag for action in subparsers.choices[command]._actions for flag in action.option_strings}


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, description: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=description, description=description)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "export", "Turn published ALBERT weights into the SavedModel that embed hosts.")
    parser.add_argument(
        "--source",
        required=True,
        metavar="PATH",
        help="directory, .tar.gz or TF Hub handle: a TF1 Hub module, a TF1 checkpoint or a Hugging Face model",
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", type=Path, help="where to write; must be empty or new"
    )
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument(
        "--vocabulary",
        metavar="FILE",
        type=Path,
        help="the SentencePiece model, where the source does not bring its own",
    )
    parser.add_argument(
        "--cased", action="store_true", default=None, help="keep the case of texts, where the source does not say"
    )
    parser.set_defaults(run=_run_export)


def _add_embed(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    defaults = {field.name: field.default for field in dataclasses.fields(EmbedOptions)}
    parser = _add_command(
        commands, "embed", "Embed a corpus. Takes every option of Apache Beam as well, such as --runner."
    )
    parser.add_argument("--model", required=True, metavar="M", help="an export, a TF1 Hub module, or a TF Hub handle")
    parser.add_argument(
        "--input",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="files or globs, compressed or not, or a table as bq:PROJECT:DATASET.TABLE",
    )
    parser.add_argument("--query", metavar="SQL", help="a query of BigQuery whose result is the input, instead")
    parser.add_argument(
        "--output",
        required=True,
        nargs="+",
        metavar="DIR",
        help="the directory to publish in, a table of BigQuery as bq:PROJECT:DATASET.TABLE, or both",
    )
    parser.add_argument("--format", choices=FORMATS, help="how documents lie in the files; guessed from their names")
    parser.add_argument("--text-field", default=defaults["text_field"], metavar="F", help="field of the text")
    parser.add_argument(
        "--id-field", metavar="F", help="field of the id (default: id where it is there, else a content hash)"
    )
    parser.add_argument("--pair-field", metavar="F", help="field of the second text, where texts come in pairs")
    parser.add_argument(
        "--keep-fields",
        default="",
        metavar="LIST",
        help="comma-separated fields that travel to the output: NAME or NAME:TYPE, of string, int64, float, string[] …",
    )
    parser.add_argument(
        "--max-failures", metavar="N|P%%", help="publish nothing, and exit with 3, where more documents failed"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    parser.add_argument(
        "--embeddings",
        default="pooled",
        metavar="LIST",
        help=f"comma-separated, of {', '.join(EMBEDDING_NAMES)} (default: pooled)",
    )
    parser.add_argument(
        "--sink",
        dest="sinks",
        metavar="LIST",
        help=f"comma-separated, what to write, of {', '.join(SINKS)} (default: tfrecord to a directory, bigquery to a "
        "table)",
    )
    parser.add_argument(
        "--bigquery-method",
        choices=BIGQUERY_METHODS,
        default=defaults["bigquery_method"],
        help="how rows come into a table: by load jobs (default), or by the Storage Write API",
    )
    parser.add_argument(
        "--vector-index",
        nargs="?",
        const="print",
        choices=VECTOR_INDEX,
        help="after loading a table, print the statement that makes a vector index, or run it",
    )
    parser.add_argument(
        "--encoding",
        choices=ENCODINGS,
        default=defaults["encoding"],
        help="how embeddings are written in a TFRecord; in Parquet float16_bytes is float16, the others float32",
    )
    parser.add_argument(
        "--tokens", action="store_true", help="write each token's piece and the bytes of the text that it came from"
    )
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="longest row, [CLS] and [SEP] included (default: 512)"
    )
    parser.add_argument("--long-documents", choices=LONG_DOCUMENTS, default=defaults["long_documents"])
    parser.add_argument(
        "--window-overlap",
        type=int,
        default=defaults["window_overlap"],
        metavar="N",
        help="tokens that windows share (default: 64)",
    )
    parser.add_argument("--batch-tokens", type=int, metavar="N", help="padded tokens of a batch at most")
    parser.add_argument("--engine", choices=ENGINES, default=defaults["engine"], help="what executes the model")
    parser.add_argument("--transform", metavar="DIR", help="a saved transform graph to use")
    parser.add_argument("--overwrite", action="store_true", help="replace what the output holds")
    parser.add_argument(
        "--incremental", action="store_true", help="add to the output: embed only documents that are new or changed"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="with --incremental: embed everything, and replace what the output holds"
    )
    parser.add_argument(
        "--full-snapshot",
        action="store_true",
        help="with --incremental: the input is the whole corpus; documents that it lacks are deleted from the output",
    )
    parser.add_argument(
        "--shard-seconds",
        type=float,
        metavar="S",
        help="finish a shard when it is so old: what a run that is killed may lose (default: 300)",
    )
    parser.add_argument(
        "--shard-bytes", type=int, metavar="N", help="finish a shard when it is so large (default: 256 MiB)"
    )
    parser.set_defaults(run=_run_embed)
    return parser


# What says how the corpus is read and becomes rows, and for --plan what is made of them: it means for `analyze` what it
# means for `embed`.
_ANALYZE_SHARES = (
    "--model",
    "--input",
    "--output",
    "--format",
    "--text-field",
    "--id-field",
    "--pair-field",
    "--max-tokens",
    "--long-documents",
    "--window-overlap",
    "--embeddings",
    "--encoding",
    "--tokens",
    "--batch-tokens",
    "--engine",
    "--json",
    "--overwrite",
)


def _add_analyze(commands: argparse._SubParsersAction[argparse.ArgumentParser], embed: argparse.ArgumentParser) -> None:
    parser = _add_command(
        commands,
        "analyze",
        "Analyse a corpus before it is embedded: what it holds, a transform graph for embed, and a plan. Takes those "
        "options of embed that say what is read and what is made of it, and every option of Apache Beam as well.",
    )
    for action in embed._actions:  # as argparse's own `parents` does, but not all of them
        if set(action.option_strings) & set(_ANALYZE_SHARES):
            parser._add_action(action)
    parser.add_argument(
        "--shapes",
        type=int,
        default=DEFAULT_SHAPES,
        metavar="K",
        help="lengths to pad to that waste least, at most K (default: 8)",
    )
    parser.add_argument(
        "--cache", metavar="DIR", help="what is known of files analysed before (default: cache in the output)"
    )
    parser.add_argument("--plan", action="store_true", help="say what embed will take, from a short run of the model")
    parser.add_argument("--rates", metavar="FILE", help="rates and prices of accelerators for the plan")
    parser.set_defaults(run=_run_analyze)


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "inspect", "Say what a finished output holds.")
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--head", type=int, default=0, metavar="N", help="show the first N rows and failures too")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.set_defaults(run=_run_inspect)


def _add_compact(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(
        commands, "compact", "Rewrite an output that --incremental runs have added to, without its dead rows."
    )
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")
    parser.set_defaults(run=_run_compact)


def _run_export(known: argparse.Namespace, _: Sequence[str]) -> int:
    from albert_embed.model.export import export_model
    from albert_embed.pipeline.cli.report import print_export

    report = export_model(
        source=known.source,
        output=known.output,
        precision=known.precision,
        vocabulary_file=known.vocabulary,
        cased=known.cased,
    )
    print_export(report, str(known.output))
    return 0


def _run_embed(known: argparse.Namespace, rest: Sequence[str]) -> int:
    options = _embed_options(known)
    _check_beam_arguments(rest, known.command)

    from albert_embed.pipeline.cli.report import print_run
    from albert_embed.pipeline.embed.job import run_embed
    from albert_embed.pipeline.settings.runner import parse_beam_options

    outcome = run_embed(options, parse_beam_options(rest))
    manifest = outcome.manifest
    if known.json:
        result = {
            "status": "published" if outcome.published else "unchanged",
            "exit_status": 0,
            "output": options.output,
            "counts": manifest.counts,
            **({"changes": manifest.changes} if manifest.changes else {}),
            "failures_by_reason": manifest.failures_by_reason,
            "bigquery": manifest.bigquery,
            "measured": manifest.measured,
        }
        print(json.dumps(result, ensure_ascii=False))
    else:
        named = " and ".join(filter(None, (options.output, options.table)))
        print_run(manifest, named, published=outcome.published)
    return 0


def _embed_options(known: argparse.Namespace) -> EmbedOptions:
    """The options of `embed` among those given; those that the command does not take have their defaults."""
    names = {field.name for field in dataclasses.fields(EmbedOptions)}
    given = {name: value for name, value in vars(known).items() if name in names}
    given["input"] = tuple(given["input"])
    given["embeddings"] = tuple(name.strip() for name in given["embeddings"].split(","))
    given["output"], given["table"] = _split_outputs(known.output)
    if given.get("sinks") is not None:
        given["sinks"] = tuple(name.strip() for name in given["sinks"].split(","))
    else:
        given["sinks"] = (*(("tfrecord",) if given["output"] else ()), *(("bigquery",) if given["table"] else ()))
    given["keep_fields"] = tuple(name.strip() for name in given.get("keep_fields", "").split(",") if name.strip())
    return EmbedOptions(**given)


def _split_outputs(outputs: Sequence[str]) -> tuple[str, str | None]:
    """The directory, empty where there is none, and the table."""
    directories = [output for output in outputs if not names_table(output)]
    tables = [output for output in outputs if names_table(output)]
    if len(directories) > 1 or len(tables) > 1:
        raise UsageError(f"--output takes one directory, one table, or one of each, not {' '.join(outputs)}")
    return (directories[0] if directories else ""), (tables[0] if tables else None)


def _check_beam_arguments(rest: Sequence[str], command: str) -> None:
    """Raises UsageError where `rest` holds what neither the command nor Beam knows."""
    if not rest:
        return
    from albert_embed.pipeline.settings.runner import known_beam_flags, stray_beam_arguments

    refuse_unknown_beam_arguments(rest, _flags(make_parser(), command), known_beam_flags())
    for argument in stray_beam_arguments(rest):
        raise UsageError(f"unexpected argument {argument!r}")


def _run_analyze(known: argparse.Namespace, rest: Sequence[str]) -> int:
    own = {field.name for field in dataclasses.fields(AnalyzeOptions)} & vars(known).keys()
    options = AnalyzeOptions(embed=_embed_options(known), **{name: getattr(known, name) for name in own})
    _check_beam_arguments(rest, known.command)

    from albert_embed.pipeline.analysis.analyze import run_analyze
    from albert_embed.pipeline.cli.analysis_tables import print_analysis
    from albert_embed.pipeline.settings.runner import parse_beam_options

    report = run_analyze(options, parse_beam_options(rest))
    if known.json:
        result = {"status": "published", "exit_status": 0, "output": options.embed.output}
        print(json.dumps({**result, **dataclasses.asdict(report)}, ensure_ascii=False))
    else:
        print_analysis(report, options.embed.output)
    return 0


def refuse_unknown_beam_arguments(rest: Sequence[str], own: set[str], beam: set[str]) -> None:
    """Raises UsageError where `rest` holds a flag that Beam does not know; values that follow a flag are let be."""
    flags = [argument for argument in rest if argument.startswith("-")]
    if not rest[0].startswith("-"):
        raise UsageError(f"unexpected argument {rest[0]!r}")
    refuse_unknown_flags([flag for flag in flags if flag.split("=", 1)[0] not in beam], own | beam)


def _run_inspect(known: argparse.Namespace, _: Sequence[str]) -> int:
    from albert_embed.pipeline.cli.report import print_inspection
    from albert_embed.pipeline.dataset.inspect_output import inspect_output

    if known.head < 0:
        raise UsageError(f"--head must be at least 0, not {known.head}")
    inspection = inspect_output(known.directory, head=known.head)
    if known.json:
        print(json.dumps(dataclasses.asdict(inspection), ensure_ascii=False))
    else:
        print_inspection(inspection)
    return 0


def _run_compact(known: argparse.Namespace, _: Sequence[str]) -> int:
    from albert_embed.pipeline.cli.report import print_compaction
    from albert_embed.pipeline.dataset.compact import compact_output

    compaction = compact_output(known.directory)
    if known.json:
        result = {
            "status": "published" if compaction.published else "unchanged",
            "exit_status": 0,
            "output": known.directory,
            "counts": compaction.manifest.counts,
            "generations": len(compaction.before.generations),
            "freed_bytes": compaction.freed_bytes,
        }
        print(json.dumps(result, ensure_ascii=False))
    else:
        print_compaction(compaction, known.directory)
    return 0

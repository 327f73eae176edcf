"""Shell completion: the script that is printed works in a real shell, and starts no Python there."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import COMMANDS, main


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script for bash."""
    path = tmp_path_factory.mktemp("completion") / "albert-embed"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["--print-completion", "bash"]) == 0
    path.write_text(printed.getvalue(), encoding="utf-8")
    return path


def complete(script: Path, folder: Path, *words: str) -> set[str]:
    """Completes the last word in a real bash, where no `python` can be found."""
    bash = shutil.which("bash")
    assert bash is not None
    program = (
        'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; '
        'function=$(complete -p albert-embed | sed "s/.*-F \\([^ ]*\\).*/\\1/"); '
        '$function albert-embed "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    ran = subprocess.run(
        [bash, "--norc", "-c", program, str(script), "albert-embed", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONHOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    return {word.strip() for word in ran.stdout.splitlines()} - {""}


def test_bash_knows_the_program(script: Path) -> None:
    ran = subprocess.run(
        ["bash", "--norc", "-c", 'source "$0"; complete -p albert-embed', str(script)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith("complete ") and ran.stdout.rstrip().endswith(" albert-embed")


def test_commands_flags_choices_and_files(script: Path, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").touch()
    (tmp_path / "runs").mkdir()
    assert complete(script, tmp_path, "") >= set(COMMANDS)
    assert complete(script, tmp_path, "insp") == {"inspect"}
    assert complete(script, tmp_path, "--print-completion", "z") == {"zsh"}
    assert complete(script, tmp_path, "embed", "--max-") == {"--max-tokens", "--max-failures", "--max-deletions"}
    assert "--no-overwrite" not in complete(script, tmp_path, "embed", "--no-")
    assert complete(script, tmp_path, "embed", "--num_w") == {"--num_workers"}
    assert complete(script, tmp_path, "embed", "--sink", "p") == {"parquet"}
    assert complete(script, tmp_path, "embed", "--format", "json") == {"json", "jsonl"}
    assert complete(script, tmp_path, "search", "d", "--metric", "") == {"cosine", "dot"}
    assert complete(script, tmp_path, "embed", "--config", "run") == {"run.yaml", "runs"}
    assert complete(script, tmp_path, "inspect", "run") == {"runs"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_other_shells_has_all_flags(
    capsys: pytest.CaptureFixture[str], shell: str, tmp_path: Path
) -> None:
    assert main([f"--print-completion={shell}"]) == 0
    printed = capsys.readouterr().out
    start = {"zsh": "#compdef albert-embed", "fish": "# AUTOMATICALLY GENERATED"}[shell]
    assert printed.startswith(start) and "keep-fields" in printed and "num_workers" in printed
    # A colon would end the name of the value: `:TYPE[:COUNT]:` calls a function `COUNT]`.
    assert (":TYPE COUNT:" in printed) is (shell == "zsh") and "TYPE[:COUNT]" not in printed
    program = shutil.which(shell)
    if program is None:
        return  # its syntax can't be checked here
    path = tmp_path / "script"
    path.write_text(printed)
    subprocess.run([program, "-n", str(path)], check=True)


@pytest.fixture(params=["zsh", "fish"])
def other_shell(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A shell that is installed here, and the folder with its script, named as the shell wants it."""
    shell = str(request.param)
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here: install the package {shell}")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["--print-completion", shell]) == 0
    folder = tmp_path / "completions"
    folder.mkdir()
    name = {"zsh": "_albert-embed", "fish": "albert-embed.fish"}[shell]
    (folder / name).write_text(printed.getvalue(), encoding="utf-8")
    return shell, folder


# Asks zsh itself, in a terminal of its own: only a widget of its line editor completes. What it would add is written to
# a file, and so is the end.
_ZSH = r"""
zmodload zsh/zpty
print_matches() {
  zpty -b asked zsh -f -i
  zpty -w asked "PS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; cd $2
    compadd() { if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then builtin compadd -A found \"\$@\"
      print -rl -- \$found >>$3; fi; builtin compadd \"\$@\" }
    comppostfuncs=(finish); finish() { print -r -- END-OF-MATCHES >>$3 }
    bindkey '^I' complete-word"
  zpty -n -w asked "$4"$'\t'
  until grep -qs '^END-OF-MATCHES' $3; do zpty -r -t asked >/dev/null || sleep 0.05; done
  zpty -d asked
}
print_matches "$@"
"""


def complete_elsewhere(shell: str, folder: Path, place: Path, line: str) -> set[str]:
    """Returns what another shell offers at the end of a line, where no `python` can be found."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONHOME": "/nowhere", "HOME": str(place), "TERM": "xterm"}
    found = place / "found.txt"
    if shell == "fish":
        program = f"source {folder}/albert-embed.fish; complete --do-complete '{line}'"
        command = ["fish", "--no-config", "--command", program]
    else:
        command = ["zsh", "-f", "-c", _ZSH, "zsh", str(folder), str(place), str(found), line]
    ran = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=True)
    offered = found.read_text(encoding="utf-8") if shell == "zsh" else ran.stdout
    words = (match.split("\t")[0].strip() for match in offered.splitlines())
    return {word.rstrip("/") for word in words} - {"", "END-OF-MATCHES", "found.txt"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("albert-embed insp", {"inspect"}),
        ("albert-embed embed --max-t", {"--max-tokens"}),
        ("albert-embed embed --num_w", {"--num_workers"}),
        ("albert-embed embed --sink p", {"parquet"}),
        ("albert-embed search d --metric ", {"cosine", "dot"}),
        ("albert-embed embed --config run", {"run.yaml", "runs"}),
        ("albert-embed inspect run", {"runs"}),
        ("albert-embed embed --gpu ", set()),
        ("albert-embed --print-completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_other_shells_offer_the_same(
    other_shell: tuple[str, Path], tmp_path: Path, line: str, offered: set[str]
) -> None:
    place = tmp_path / "place"
    (place / "runs").mkdir(parents=True)
    (place / "run.yaml").touch()
    assert complete_elsewhere(*other_shell, place, line) == offered


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["--print-completion", "bsh"],
            "--print-completion is 'bsh': choose from bash, zsh, fish; the nearest is bash",
        ),
        (["--print-completion"], "--print-completion is '': choose from bash, zsh, fish"),
    ],
)
def test_shells_that_are_not_known(capsys: pytest.CaptureFixture[str], given: list[str], message: str) -> None:
    assert main(given) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"albert-embed: {message}")

"""`--progress`, of the commands that may take long."""

from __future__ import annotations

from albert_embed.pipeline.console.command import Arguments
from albert_embed.pipeline.console.option import Option
from albert_embed.pipeline.progress.display import MODES, Display, open_display

PROGRESS = Option(
    flag="--progress",
    choices=MODES,
    default="auto",
    help="how to show how far the command is: a bar on a terminal, lines of the log elsewhere (auto), one of the two "
    "(bar, lines), or not at all (none)",
    group="result",
)


def choose_display(arguments: Arguments) -> Display:
    """Returns the display that the arguments of a command ask for."""
    return open_display(arguments.values.get(PROGRESS.name, "auto"))

"""`--retain`, of the commands that publish a version."""

from __future__ import annotations

from albert_embed.pipeline.console.option import Option

RETAIN = Option(
    flag="--retain",
    type=int,
    metavar="N",
    default="as many as the last run of the output, 0 for a new one",
    help="keep so many versions before the new one, for those who are still reading them",
)

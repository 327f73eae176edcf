"""`--retain`, of the commands that publish a version."""

from __future__ import annotations

from albert_embed.pipeline.console.option import Option

RETAIN = Option(
    flag="--retain",
    type=int,
    metavar="N",
    default="0",
    help="keep so many versions before the new one, for those who are still reading them",
)

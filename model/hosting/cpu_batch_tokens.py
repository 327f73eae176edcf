"""How many padded tokens a batch should have on a CPU: a table by engine, precision and instructions, as measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

# Large batches gain nothing once the matrices fill the cores. They lose where tensors leave the cache or are over 32
# MiB: glibc's malloc maps such blocks anew for every operation, and each page is faulted in again. With ALBERT-base at
# length 512, 1,024 tokens keep every tensor below that (scores 25 MB, the feed-forward's 12.6 MB); in TensorFlow a
# softmax on 4,096 tokens took not 4 but 9 times as long, an exp 16 times (benchmarks/NOTES.md).
DEFAULT_TOKENS = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """A budget that was measured to be better than the default, by more than a few per cent.

    Attributes:
      engine, precision: of the model.
      instruction: that the processor has, as Linux names it in `/proc/cpuinfo`.
      tokens: the budget.
    """

    engine: str
    precision: str
    instruction: str
    tokens: int


# A table, not a measurement when a run starts: what differs by 3 % takes minutes to be told from noise, and every run
# on the same machine would cut other batches. benchmarks/NOTES.md has the figures. The first line that fits holds.
_MEASURED = (
    # 1,024 tokens went through at 5,526 padded tokens a second, batches of 32 rows, up to 16,384 tokens, at 6,209.
    Measured(engine="openvino", precision="bfloat16", instruction="amx_bf16", tokens=4096),
)


def find_cpu_batch_tokens(engine: str, precision: str, instructions: Collection[str]) -> tuple[int, str]:
    """Returns the budget, and what it was chosen for, for people.

    Args:
      engine, precision: of the model.
      instructions: that the processor has; empty where it is not known.
    """
    for measured in _MEASURED:
        if (measured.engine, measured.precision) == (engine, precision) and measured.instruction in instructions:
            return measured.tokens, f"{engine} in {precision} on a CPU with {measured.instruction}"
    return DEFAULT_TOKENS, f"{engine} in {precision} on a CPU"

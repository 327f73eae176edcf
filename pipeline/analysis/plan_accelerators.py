"""What a Dataflow run will take on each kind of GPU, from the table of their assumed speeds and prices."""

from __future__ import annotations

from collections.abc import Sequence

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.flops import count_batch_flops
from albert_embed.pipeline.analysis.embed_plan import AcceleratorPlan
from albert_embed.pipeline.launch.gpu_table import GpuTable
from albert_embed.transforms.rows.batch_forecast import BatchForecast


def plan_accelerators(
    config: AlbertConfig, precision: str, forecast: BatchForecast, table: GpuTable, *, embeddings: Sequence[str]
) -> tuple[AcceleratorPlan, ...]:
    """Estimates hours and dollars of a Dataflow run for each GPU that has the precision, and each number of workers.

    A worker's threads prepare and write some batches while the GPU runs others, so the slower of the two counts.

    Args:
      config: of the model.
      precision: of its weights.
      forecast: of the batches.
      table: the GPUs.
      embeddings: what the model computes.
    """
    shapes = zip(forecast.rows.tolist(), forecast.lengths.tolist(), strict=True)
    flops = forecast.weight * sum(count_batch_flops(config, rows, length) for rows, length in shapes)
    host_seconds = forecast.real_tokens / table.host_speed(embeddings)
    planned = []
    for gpu in table.gpus:
        rate = gpu.flops_per_second(precision)
        if rate is None:
            continue
        gpu_seconds = flops / rate
        seconds = max(gpu_seconds, host_seconds)
        for workers in table.workers:
            hours = (table.start_seconds + seconds / workers) / 3600
            planned.append(
                AcceleratorPlan(
                    accelerator=gpu.label,
                    gpu=gpu.name,
                    workers=workers,
                    tokens_per_second=round(workers * forecast.real_tokens / seconds) if seconds else None,
                    limit="gpu" if gpu_seconds >= host_seconds else "host",
                    hours=round(hours, 3),
                    dollars=round(hours * workers * gpu.dollars_per_hour, 2),
                    peak_source=gpu.peak_source,
                    utilisation=gpu.utilisation,
                    utilisation_source=gpu.utilisation_source,
                    price_source=gpu.price_source,
                    price_as_of=gpu.price_as_of,
                )
            )
    return tuple(planned)

"""Chooses how rows are batched: the maximum of tokens per batch, and how many batches are computed at once."""

from __future__ import annotations

import logging
import re

from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, WorkerOptions

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.engines.gpu_replicas import BATCHES_PER_GPU
from albert_embed.model.hosting.auto_engine import count_jax_gpus, count_tensorflow_gpus
from albert_embed.model.hosting.cpu_batch_tokens import find_cpu_batch_tokens
from albert_embed.model.streams.count_streams import count_streams
from albert_embed.pipeline.launch.accelerator import Accelerator, list_accelerators
from albert_embed.pipeline.launch.gpu_request import GpuRequest
from albert_embed.pipeline.launch.gpu_table import GpuType, read_own_table
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import ONE_PROCESS, runs_in_one_thread, runs_on_this_machine
from albert_embed.transforms.process.processor_instructions import read_instructions
from albert_embed.transforms.process.usable_machine import count_cores, count_memory_bytes
from albert_embed.transforms.rows.token_batches import TokenBatchConfig

logger = logging.getLogger(__name__)

# A GPU needs enough rows to fill it; at ALBERT-base's size this many tokens need about 2 GB in float32.
GPU_BATCH_TOKENS = 16384
# The largest shape that the engine jax compiles.
JAX_BATCH_TOKENS = 32768
# More than this fills no GPU better, and a batch is what a bundle loses when it fails.
_MAX_GPU_BATCH_TOKENS = 65536
# The share of a GPU's memory for batches: the rest is for the model, for CUDA and for what is lost between blocks.
_SHARE_FOR_BATCHES = 0.5
# Dataflow's own number of threads of a process, where none is given.
_DATAFLOW_THREADS = 12


def choose_batching(
    given: int | None,
    *,
    max_tokens: int,
    beam_options: PipelineOptions,
    gpu: str | None = None,
    config: AlbertConfig | None = None,
    engine: str = "tensorflow",
    precision: str = "float32",
) -> TokenBatchConfig:
    """Chooses how rows are cut into batches: by the token budget given, else by what runs the model, which is logged.

    Rows are the same, up to rounding, however they are batched.

    Args:
      given: `--batch-tokens`.
      max_tokens: maximum tokens per row; the budget holds at least one such row.
      beam_options: say whether remote workers have an accelerator.
      gpu: `--gpu`.
      config: of the model; where it is given, as many batches as there are threads fit into the memory of a known GPU.
      engine: what executes the model (`model.hosting.choose_engine.choose_engine`).
      precision: of the model.

    Raises:
      ValueError: if the given budget can't hold the longest row.
    """
    batch_tokens = given
    if batch_tokens is None:
        workers = [Accelerator.of(GpuRequest.parse(gpu))] if gpu is not None else list_accelerators(beam_options)
        if workers:
            chosen, device = _fit_accelerator(workers[0], max_tokens, beam_options, config)
        elif engine == "jax" and count_jax_gpus():
            chosen, device = JAX_BATCH_TOKENS, "engine jax on a GPU"
        elif engine == "tensorflow" and count_tensorflow_gpus():
            chosen, device = GPU_BATCH_TOKENS, "a GPU"
        else:
            # Of workers on other machines the processor is not known.
            instructions = read_instructions() if runs_on_this_machine(beam_options) else frozenset()
            chosen, device = find_cpu_batch_tokens(engine, precision, instructions)
        batch_tokens = max(chosen, max_tokens)
        logger.info(
            "maximum padded tokens per batch: %d, chosen for %s; --batch-tokens gives another number",
            batch_tokens,
            device,
        )
    return TokenBatchConfig(
        batch_tokens=batch_tokens,
        max_tokens=max_tokens,
        real_tokens=engine == "jax",  # which lays rows out anew, without their padding
    )


def choose_streams(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    *,
    engine: str,
    config: AlbertConfig,
    batching: TokenBatchConfig,
) -> int:
    """Chooses how many batches are computed at once, in threads of their own, while others are prepared and written.

    It is as many as given, else as this machine's cores or GPUs can do, which is logged; one on a single GPU. Where
    Beam has several threads or processes, or workers are on other machines, it is 0: there each thread of a worker
    computes its own.

    Args:
      options: of the run.
      beam_options: say where the workers run.
      engine: what executes the model (`model.hosting.choose_engine.choose_engine`).
      config: of the model.
      batching: how rows are cut into batches.
    """
    if not runs_in_one_thread(beam_options):
        return 0
    if options.streams is not None:
        return options.streams
    if engine == "jax":
        return 1
    gpus = count_tensorflow_gpus() if engine == "tensorflow" else 0
    if gpus:
        streams = BATCHES_PER_GPU * gpus if gpus > 1 else 1
        device = f"{gpus} GPUs"
    else:
        cores = options.worker_threads or count_cores()
        streams = count_streams(
            cores=cores, memory_bytes=count_memory_bytes(), batch_bytes=count_batch_bytes(config, batching)
        )
        device = f"{cores} cores"
    if streams > 1:
        logger.info("batches computed at once: %d, chosen for %s; --streams gives another number", streams, device)
    return streams


def refuse_streams(options: EmbedOptions, beam_options: PipelineOptions) -> None:
    """Raises ValueError where a number of streams is given, and Beam's own threads compute the batches."""
    if options.streams is not None and not runs_in_one_thread(beam_options):
        raise ValueError(
            f"--streams {options.streams} is for runs in one process of this machine, without --runner and "
            "--direct_num_workers; leave it out: others have threads of Beam's, and each computes its own batches"
        )


def count_activation_bytes(config: AlbertConfig, max_tokens: int) -> int:
    """Returns about how many bytes a token of a batch takes while the model runs, in float32, at the longest rows.

    Of one layer: eight matrices as wide as the model, three as wide as its feed-forward part, and three of a row of
    attention scores for each head.
    """
    scores = 3 * config.num_attention_heads * max_tokens
    return 4 * (8 * config.hidden_size + 3 * config.intermediate_size + scores)


def count_batch_bytes(config: AlbertConfig, batching: TokenBatchConfig) -> int:
    """Returns about how many bytes a batch takes while the model runs."""
    return count_activation_bytes(config, batching.max_tokens) * batching.batch_tokens


def fit_batch_tokens(gpu: GpuType, *, batches: int, config: AlbertConfig, max_tokens: int) -> int:
    """Returns the largest power of two of tokens of which so many batches fit into the GPU's memory at once."""
    available = _SHARE_FOR_BATCHES * gpu.memory_gib * 2**30 / batches
    tokens = available / count_activation_bytes(config, max_tokens)
    return min(_MAX_GPU_BATCH_TOKENS, 1 << max(0, int(tokens).bit_length() - 1))


def _fit_accelerator(
    accelerator: Accelerator, max_tokens: int, beam_options: PipelineOptions, config: AlbertConfig | None
) -> tuple[int, str]:
    """Returns the tokens of a batch for workers' GPUs, and what to call these."""
    gpu = read_own_table().find(accelerator.type)
    if gpu is None or config is None:
        return GPU_BATCH_TOKENS, "a GPU"
    batches = -(-_count_threads(accelerator, gpu, beam_options) // accelerator.count)
    tokens = fit_batch_tokens(gpu, batches=batches, config=config, max_tokens=max_tokens)
    return tokens, f"{batches} batches at once on a {gpu.label}"


def _count_threads(accelerator: Accelerator, gpu: GpuType, beam_options: PipelineOptions) -> int:
    """Returns how many threads of a worker may run the model at once."""
    debug = beam_options.view_as(DebugOptions)
    threads = debug.number_of_worker_harness_threads or _DATAFLOW_THREADS
    if ONE_PROCESS in (debug.experiments or ()):
        return int(threads)
    # Machine types end in their number of vCPUs, each of which gets a process; those named by their GPUs do not.
    named = re.search(r"-(\d+)$", beam_options.view_as(WorkerOptions).machine_type or "")
    machine = gpu.machines.get(accelerator.count)
    processes = int(named[1]) if named else machine.vcpus if machine is not None else 1
    return int(threads) * processes

"""`GpuRequest`: the GPUs that `--gpu TYPE[:COUNT]` asks for on each worker."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.launch.gpu_table import GpuType, MachineType, read_own_table

DRIVER = "install-nvidia-driver"
MPS = "use_nvidia_mps"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """GPUs of one kind on a worker.

    Attributes:
      gpu: their kind.
      count: how many each worker has.
    """

    gpu: GpuType
    count: int

    @staticmethod
    def parse(given: str) -> GpuRequest:
        """Parses `TYPE` or `TYPE:COUNT`; capital letters are taken for small ones.

        Raises:
          ValueError: if there is no such GPU, or no machine with so many.
        """
        name, separator, number = given.partition(":")
        table = read_own_table()
        gpu = table.find(name.lower())
        if gpu is None:
            raise ValueError(f"--gpu is {given!r}: choose from {', '.join(gpu.name for gpu in table.gpus)}")
        counts = sorted(gpu.machines)
        named = number if separator else str(counts[0])
        if not named.isascii() or not named.isdigit() or int(named) not in gpu.machines:
            raise ValueError(
                f"--gpu is {given!r}: there are machines with {', '.join(map(str, counts))} of {gpu.name}; give such "
                f"as {gpu.name}:{counts[-1]}"
            )
        return GpuRequest(gpu=gpu, count=int(named))

    @property
    def machine(self) -> MachineType:
        """The smallest machine that has these GPUs."""
        return self.gpu.machines[self.count]

    @property
    def pool_specification(self) -> str:
        """The GPUs as Dataflow's service option `worker_accelerator` takes them."""
        return f"type:{self.gpu.accelerator};count:{self.count};{DRIVER}"

    @property
    def step_specification(self) -> str:
        """The GPUs as the resource hint `accelerator` takes them, with the machine that has them."""
        return f"type:{self.gpu.accelerator};count:{self.count};machine_type:{self.machine.type};{DRIVER}"


def find_inference_accelerator(gpu: str | None, gpu_pool: str) -> str | None:
    """Returns the resource hint for the step that runs the model; None where it gets no machines of its own.

    Args:
      gpu: `--gpu`.
      gpu_pool: `--gpu-pool`.
    """
    if gpu is None or gpu_pool != "inference":
        return None
    return GpuRequest.parse(gpu).step_specification

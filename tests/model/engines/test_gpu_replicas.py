"""A model on each of several GPUs; here on parts of a CPU, which TensorFlow places in the same way."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pytest

from albert_embed.model.engines.gpu_replicas import GpuReplicas

PLACES = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from albert_embed.model.engines.tensorflow_engine import TensorFlowEngine, load_tensorflow_engine
replicas = load_tensorflow_engine(Path(sys.argv[1]), kind="CPU")
engines = [replicas._free.get() for _ in range(4)]
assert engines[0] is engines[2] and engines[1] is engines[3] and engines[0] is not engines[1]
inputs = {name: np.ones([2, 8], np.int32) for name in ("input_ids", "input_mask", "segment_ids")}
inputs["segment_ids"][:] = 0
expected = TensorFlowEngine(Path(sys.argv[1])).run(inputs, {"pooled_output"})["pooled_output"]
for engine, device in zip(engines[:2], ("CPU:0", "CPU:1")):
    weights = engine._loaded.signatures["tokens"].captured_inputs
    places = {weight.device.split("device:")[1] for weight in weights}
    assert len(weights) > 10
    assert places == {device}, places
    np.testing.assert_array_equal(engine.run(inputs, {"pooled_output"})["pooled_output"], expected)
print("both")
"""


class WaitingEngine:
    """An engine that waits until so many batches are in work at once."""

    name = "waiting"

    def __init__(self, barrier: threading.Barrier) -> None:
        self.barrier = barrier

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        if "error" in outputs:
            raise RuntimeError("no")
        self.barrier.wait(60)
        return {"batch": inputs["batch"]}


def test_batches_run_on_all_replicas_at_once() -> None:
    barrier = threading.Barrier(4)  # two for each of the two devices
    replicas = GpuReplicas(lambda device: WaitingEngine(barrier), ["/GPU:0", "/GPU:1"])
    results: list[int] = []

    def run(number: int) -> None:
        results.append(int(replicas.run({"batch": np.array(number)}, {"batch"})["batch"]))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == list(range(8))


def test_a_replica_that_failed_is_used_again() -> None:
    replicas = GpuReplicas(lambda device: WaitingEngine(threading.Barrier(1)), ["/GPU:0"])
    for _ in range(5):
        with pytest.raises(RuntimeError, match="no"):
            replicas.run({}, {"error"})
    assert replicas.run({"batch": np.array(1)}, set())["batch"] == 1


@pytest.mark.integration
def test_weights_and_work_are_on_the_device(tiny_model: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", PLACES, str(tiny_model)], capture_output=True, text=True, check=False
    )
    assert finished.stdout.endswith("both\n"), finished.stderr[-3000:]

"""Text to model inputs: normalisation, SentencePiece, windows, and the tf.Transform graph that holds them.

Nothing heavy is imported here: TensorFlow and Apache Beam load only with the modules that need them.
"""

import os

# TensorFlow reads this once, when it is first imported. By itself it turns its oneDNN kernels on only where there is
# AVX-512. With AVX2 alone they are faster as well: ALBERT-base in float32 ran 757 tokens/s instead of 646 at length
# 512, 858 instead of 776 at 32 (benchmarks/NOTES.md). Workers import this package before TensorFlow, so it is set here.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# TensorFlow and JAX each take nearly all of a GPU's memory when they first look at it. With `--engine jax` both are in
# one process, TensorFlow for the text; and other processes may use the same GPU. So both take it as they need it. They
# read this when they first use a GPU, which opening a model does, long before an engine is loaded.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

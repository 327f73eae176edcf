"""ALBERT: its config, its encoder, readers of published weights, the export, and the handler that hosts it."""

import albert_embed.transforms  # noqa: F401  says how TensorFlow is to start, before anything here imports it

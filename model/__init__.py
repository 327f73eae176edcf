"""ALBERT: its config, its encoder, readers of published weights, the export, and the handler that hosts it."""

import albert_embed.transforms  # noqa: F401  configures TensorFlow before anything here imports it

"""ALBERT: its config, its encoder, readers of published weights, the export, and the handler that hosts it."""

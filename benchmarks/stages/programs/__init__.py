"""Programs that `python -m benchmarks.stages` runs, each in a process of its own."""

"""What the side-by-side benchmark can't show: single stages, memory, start-up. `python -m benchmarks.stages`."""

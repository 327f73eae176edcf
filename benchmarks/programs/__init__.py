"""Programs that run in this project's own environment, each in a process of its own."""

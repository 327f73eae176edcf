"""The benchmark: this project and what a user would pick instead, on the same weights and texts. See README.md."""

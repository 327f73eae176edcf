"""`python -m albert_embed`, the same as `albert-embed`."""

import sys

from albert_embed.pipeline.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

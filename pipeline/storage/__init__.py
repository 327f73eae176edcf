"""File systems: opening and decompressing, versions of files, framing. It is the lowest room."""

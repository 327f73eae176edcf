"""File systems: listing, opening and decompressing, framing, locking. It is the lowest room."""

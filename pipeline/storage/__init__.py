"""File systems: what lies where, opening and decompressing, framing, locking. It is the lowest room."""

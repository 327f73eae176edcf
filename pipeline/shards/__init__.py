"""What is known of a shard: its files, its index, its rows' keys and statistics.

May import `formats` and below.
"""

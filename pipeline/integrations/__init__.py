"""What people already run, on `EmbedText`: `AlbertEmbeddings` for Beam's MLTransform, and a transform of Beam YAML.

May import `embed`, `publication` and below.
"""

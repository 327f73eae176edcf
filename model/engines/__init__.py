"""What executes a SavedModel: TensorFlow, on each GPU too, and OpenVINO.

May import architecture, directory, vocabulary, published.
"""

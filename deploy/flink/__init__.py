"""Flink: settings, a worker image, and a cluster on this machine for the demo and the tests."""

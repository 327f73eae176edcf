"""Runs on other engines than Beam's in-process runner: Prism, a Flink cluster, and a stand-in for Dataflow."""

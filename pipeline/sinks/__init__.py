"""The sinks: how embedded rows become files."""

"""Servers that stand in for Google Cloud Storage and BigQuery, and what points the clients at them."""

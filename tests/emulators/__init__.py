"""Servers that stand in for Google Cloud Storage and BigQuery, and what directs the clients to them."""

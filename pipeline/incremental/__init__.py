"""Outputs that runs add to: which documents are new, changed or gone, and which rows are dead."""

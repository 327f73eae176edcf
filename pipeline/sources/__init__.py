"""Where documents come from: one file for each format, and one way from records to documents."""

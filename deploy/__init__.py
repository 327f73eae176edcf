"""What it takes to run the jobs on clusters: a folder for each engine."""

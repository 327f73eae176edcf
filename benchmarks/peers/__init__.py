"""Programs that measure other projects. They run in the peers' own environment and import nothing of this project."""

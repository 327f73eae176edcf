"""The job from corpus to dataset, in rooms of one subject each. A room imports only rooms below it (`make lint`)."""

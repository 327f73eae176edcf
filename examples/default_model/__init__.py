"""Makes the model that `--model default` names: a small ALBERT, distilled from a sentence encoder."""

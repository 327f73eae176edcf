#!/bin/sh
# Checks that the image works: the program starts, and embeds one batch with the model that is inside, if there is one.
# PROGRAM and MODEL name others, for tests.
set -eu

program=${PROGRAM:-albert-embed}
model=${MODEL:-/opt/albert-embed/model}

"$program" --version
if [ ! -f "$model/saved_model.pb" ]; then
  echo "there is no model in $model; nothing was embedded"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "One line." | "$program" embed --model "$model" --input - --format text --output "$folder/out" --max-failures 0 --json

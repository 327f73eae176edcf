#!/usr/bin/env bash
# Starts the Flex Template every night by Cloud Scheduler. Run it once; again to change it.
#
#   PROJECT=my-project REGION=us-central1 TEMPLATE=gs://my-bucket/albert-embed.json \
#   TEMP=gs://my-bucket/tmp MODEL=gs://my-bucket/albert_base INPUT='gs://my-bucket/corpus/*.jsonl' \
#   OUTPUT=gs://my-bucket/embeddings ./cloud_scheduler.sh
#
# SCHEDULE (02:00), TIME_ZONE (Etc/UTC), NAME (albert-embed-nightly), and the accounts LAUNCHER, which may start jobs, and
# WORKER, as whom the job runs, have defaults. GPU=l4 asks for GPUs.
set -euo pipefail

: "${PROJECT:?give the id of the project}" "${REGION:?give a region, such as us-central1}"
: "${TEMPLATE:?give the template that make dataflow-template has written}" "${TEMP:?give gs://BUCKET/tmp}"
: "${MODEL:?give --model}" "${INPUT:?give --input}" "${OUTPUT:?give --output}"
name=${NAME:-albert-embed-nightly}
launcher=${LAUNCHER:-albert-embed-launcher@$PROJECT.iam.gserviceaccount.com}
worker=${WORKER:-albert-embed-worker@$PROJECT.iam.gserviceaccount.com}

body=$(mktemp)
trap 'rm -f "$body"' EXIT
python3 - >"$body" <<PROGRAM
import json, os

environ = os.environ
parameters = {"model": environ["MODEL"], "input": environ["INPUT"], "output": environ["OUTPUT"], "incremental": "true"}
if environ.get("GPU"):
    parameters["gpu"] = environ["GPU"]
if environ.get("FLAGS"):  # further parameters, NAME=VALUE separated by spaces
    parameters.update(item.split("=", 1) for item in environ["FLAGS"].split())
environment = {"tempLocation": environ["TEMP"], "serviceAccountEmail": "$worker"}
launch = {
    "jobName": "$name",
    "containerSpecGcsPath": environ["TEMPLATE"],
    "parameters": parameters,
    "environment": environment,
}
print(json.dumps({"launchParameter": launch}))
PROGRAM

if gcloud scheduler jobs describe "$name" --project "$PROJECT" --location "$REGION" >/dev/null 2>&1; then
  action=update
  headers=--update-headers
else
  action=create
  headers=--headers
fi
gcloud scheduler jobs "$action" http "$name" \
  --project "$PROJECT" \
  --location "$REGION" \
  --schedule "${SCHEDULE:-0 2 * * *}" \
  --time-zone "${TIME_ZONE:-Etc/UTC}" \
  --uri "https://dataflow.googleapis.com/v1b3/projects/$PROJECT/locations/$REGION/flexTemplates:launch" \
  --http-method post \
  "$headers" Content-Type=application/json \
  --message-body-from-file "$body" \
  --oauth-service-account-email "$launcher"

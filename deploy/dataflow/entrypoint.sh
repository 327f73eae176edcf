#!/bin/sh
# Starts what the image is asked to be:
#   Dataflow starts a worker with flags alone (--id=…)  → Beam's boot program, of the same version as Beam
#   launch …                                            → the launcher of Flex Templates
#   anything else                                       → albert-embed with these arguments
# BOOT, LAUNCHER and PROGRAM name other programs, for tests.
set -eu

boot=${BOOT:-/opt/apache/beam/boot}
launcher=${LAUNCHER:-/opt/google/dataflow/python_template_launcher}
program=${PROGRAM:-albert-embed}

case "${1-}" in
  --help | --version) exec "$program" "$@" ;;
  --*) exec "$boot" "$@" ;;
  launch)
    shift
    exec "$launcher" "$@"
    ;;
  "") exec "$program" --help ;;
  *) exec "$program" "$@" ;;
esac

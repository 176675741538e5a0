#!/usr/bin/env sh
# A step for any CI: does the gate open for the system in this repository, and if not, what changed and what is missing?
#
#   examples/ci/gate.sh steelyard.yaml launch [BASE]
#
# BASE is the commit to compare with (default: origin/main). Writes gate.sarif and gate.xml (JUnit) for the code host to
# show, prints the difference for people, and ends with the gate's own exit code: 0 open, 1 closed, 2 the profile cannot
# be used, 3 the machine is not ready. The store is the folder .steelyard/ beside the profile, committed with it.
set -u
profile=${1:?which profile}
gate=${2:-launch}
base=${3:-origin/main}
STEELYARD_STORE=${STEELYARD_STORE:-folder:$(dirname "$profile")/.steelyard}
export STEELYARD_STORE

before=$(mktemp)
trap 'rm -f "$before"' EXIT
if git show "$base:$profile" >"$before" 2>/dev/null; then
  echo "What changes from $base:"
  steelyard diff "$before" "$profile"
  echo
fi

steelyard gate "$profile" --at "$gate" --format sarif >gate.sarif
code=$?
if [ "$code" -gt 1 ]; then
  cat gate.sarif
  exit "$code"
fi
steelyard gate "$profile" --at "$gate" --format junit >gate.xml
steelyard gate "$profile" --at "$gate"
exit "$code"

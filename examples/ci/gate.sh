#!/usr/bin/env sh
# A step for any CI: does the gate open for the system in this repository, and if not, what changed and what is missing?
#
#   examples/ci/gate.sh steelyard.yaml launch [BASE]
#
# The profile may stand anywhere in the repository, by a relative or an absolute path. BASE is the commit to compare with
# (default: origin/main). Writes gate.sarif and gate.xml (JUnit) into the current folder for the code host to show, prints
# the difference for people, and ends with the gate's own exit code: 0 open, 1 closed, 2 the profile cannot be used,
# 3 the machine is not ready. The store is the folder .steelyard/ beside the profile, committed with it. STEELYARD names
# the command where it is not on PATH, for example STEELYARD=.venv/bin/steelyard.
set -u
profile=${1:?which profile}
gate=${2:-launch}
base=${3:-origin/main}
steelyard=${STEELYARD:-steelyard}
folder=$(dirname "$profile")
STEELYARD_STORE=${STEELYARD_STORE:-folder:$folder/.steelyard}
export STEELYARD_STORE

if ! command -v "$steelyard" >/dev/null 2>&1; then
  echo "$steelyard is not on PATH: install it (pip install steelyard), or name it with STEELYARD=/path/to/steelyard" >&2
  exit 3
fi

before=$(mktemp)
trap 'rm -f "$before"' EXIT

"$steelyard" gate "$profile" --at "$gate" --format sarif >gate.sarif
code=$?
if [ "$code" -gt 1 ]; then
  rm -f gate.sarif # what is wrong was said above
  exit "$code"
fi
"$steelyard" gate "$profile" --at "$gate" --format junit >gate.xml

if git -C "$folder" show "$base:./$(basename "$profile")" >"$before" 2>/dev/null; then
  echo "What changes from $base:"
  "$steelyard" diff "$before" "$profile"
else
  echo "$base holds no $profile to compare with."
fi
echo
"$steelyard" gate "$profile" --at "$gate"
exit "$code"

#!/usr/bin/env bash
# Writes requirements/pyXYZ.txt for each supported Python: every package with its hashes, no index named. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
for version in 3.11 3.12 3.13; do
  name="py${version/./}"
  uv pip compile pyproject.toml --all-extras --group dev --universal --python-version "$version" \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
    --output-file "requirements/$name.txt"
  if [ -f requirements/bench.in ]; then
    uv pip compile pyproject.toml requirements/bench.in --all-extras --universal --python-version "$version" \
      --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
      --output-file "requirements/bench-$name.txt"
  fi
done

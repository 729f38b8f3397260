#!/usr/bin/env bash
# The house rules. nx goes first: the boundaries between the libraries are checked against its graph of the projects.
set -uo pipefail
cd "$(dirname "$0")/.."

node scripts/require-node.mjs || exit 1
nx sync:check || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
eslint . --max-warnings 0 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if grep -q 'rule will be skipped' "$log"; then
  echo 'The module boundaries were not checked, because nx had no graph of the projects.'
  exit 1
fi
exit "$status"

#!/usr/bin/env bash
# What we promise, on real registry servers: Debian's docker-registry and those that Go builds here. Fails when docs/registries.md shows other
# results than were seen; UPDATE=1 writes them. With arguments (for vitest: a file, or -t '<server> .*') only the tests run.
set -uo pipefail
cd "$(dirname "$0")/.."

node scripts/require-node.mjs || exit 1
bash scripts/install-servers.sh || exit 1
bash scripts/install-registries.sh
npm run --silent build || exit 1

TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR REGISTRY_RESULTS=$TMPDIR/results.json TEST_TOTALS=$TMPDIR/totals
vitest run --project registries --reporter=default --reporter=./scripts/test-totals.mjs --reporter=./scripts/registry-results.mjs "$@"
status=$?
if [ "$#" -eq 0 ]; then
  node scripts/registry-matrix.mjs "$REGISTRY_RESULTS" .clients/registries/not-run || status=1
fi
cat .clients/registries/not-run
awk '{ p += $1; f += $2 } END { printf "\n%d passed, %d failed\n", p, f }' "$TEST_TOTALS"
exit "$status"

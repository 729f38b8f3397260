#!/usr/bin/env bash
# Reads and writes through the real apps for a while, on a docker-registry that fails some of the requests, and looks whether every acknowledged
# write is there afterwards: npm run test:soak -- [seconds, default 600] [seed, default at random]
# SOAK_RATE (0.05) is the part of requests that fail, SOAK_CLIENTS (8) how many clients work at the same time.
set -euo pipefail
cd "$(dirname "$0")/.."

node scripts/require-node.mjs
bash scripts/install-servers.sh
npm run --silent build
export SOAK_SECONDS=${1:-600}
if [ -n "${2:-}" ]; then
  export SOAK_SEED=$2
fi
exec vitest run --project e2e apps/ingest-worker/e2e/soak.e2e.ts

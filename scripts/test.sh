#!/usr/bin/env bash
# Lint, types, unit and end-to-end tests on real servers and clients. Ends with one line: N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."

node scripts/require-node.mjs || exit 1
bash scripts/install-servers.sh || exit 1

# Whatever tests and clients leave behind goes with it, also when the run is stopped.
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR
totals=$TMPDIR/totals
half=$TMPDIR/half
terraform=$TMPDIR/terraform
touch "$totals"
export TEST_TOTALS=$totals
status=0

step() { # name, command ...
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then
    return 0
  fi
  printf '== %s FAILED\n' "$name"
  status=1
  return 1
}

# Go takes minutes for OpenTofu, and needs nothing of ours: it begins now, behind everything else.
nice bash scripts/install-terraform.sh >"$terraform" 2>&1 &
terraform_clients=$!

# A failed lint or build counts as one failed test; a failed build leaves nothing that could be tested end to end.
step lint npm run --silent lint || echo '0 1 0' >>"$totals"
vitest=(vitest run --reporter=default --reporter=./scripts/test-totals.mjs)
if step build npm run --silent build; then
  step 'unit tests' "${vitest[@]}" --project unit
  # A client that cannot be had fails the run, and what needs none is tested all the same.
  step 'Python clients' bash scripts/install-clients.sh || echo '0 1 0' >>"$totals"
  # Clients mostly wait for one core: two halves at once take the time of one. Halves are told by what is in them: what is excluded here is forgotten
  # where the configuration of a project excludes something too.
  "${vitest[@]}" --project e2e apps/pypi/ >"$half" 2>&1 &
  other=$!
  mapfile -t others < <(ls -d apps/*/ | grep -vE '^apps/(pypi|terraform)/$')
  step 'end-to-end tests' "${vitest[@]}" --project e2e "${others[@]}"
  step 'Terraform clients' wait "$terraform_clients" || echo '0 1 0' >>"$totals"
  cat "$terraform"
  # What cannot be built is named below; the rest is tested all the same.
  not_built=^$
  [ -e .clients/terraform/provider/release.json ] || not_built=/real-provider.e2e.ts$
  mapfile -t terraform_tests < <(ls apps/terraform/e2e/*.e2e.ts | grep -v "$not_built")
  step 'end-to-end tests with Terraform clients' "${vitest[@]}" --project e2e "${terraform_tests[@]}"
  step 'end-to-end tests with Python clients' wait "$other"
  cat "$half"
else
  echo '0 1 0' >>"$totals"
fi
cat .clients/terraform/not-run 2>/dev/null

command -v oras >/dev/null || printf '\nNot run: reading with oras (not installed; skopeo reads the same artifacts).\n'
awk '{ p += $1; f += $2; s += $3 } END { printf "\n%d passed, %d failed%s\n", p, f, (s > 0 ? ", " s " skipped" : "") }' "$totals"
[ "$(awk '{ f += $2 } END { print f + 0 }' "$totals")" -eq 0 ] || status=1
exit "$status"

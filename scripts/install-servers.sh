#!/usr/bin/env bash
# The real servers and tools that the tests run against, from the system's packages where that is possible.
set -uo pipefail

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need redis-server redis-server
need redis-cli redis-tools
need docker-registry docker-registry
need skopeo skopeo
[ "${#missing[@]}" -eq 0 ] && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
  # A service that starts by itself would take a port; the tests start their own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  echo "Installing ${missing[*]} from the system's packages."
  if log=$(apt-get update 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" 2>&1); then
    exit 0
  fi
  printf '%s\n' "$log" | tail -n 20
fi
echo "The tests need ${missing[*]}. On Debian: apt-get install ${missing[*]}"
exit 1

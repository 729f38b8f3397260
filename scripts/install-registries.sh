#!/usr/bin/env bash
# Registry servers for `npm run test:registries`, below .clients/registries/: built by Go from the exact versions of
# scripts/clients/registries.mods. What cannot be had is named in .clients/registries/not-run, for the end of that run.
set -uo pipefail
cd "$(dirname "$0")/.."

pins=$PWD/scripts/clients/registries.mods
target=$PWD/.clients/registries
made_by=(scripts/install-registries.sh scripts/registries/*/main.go)
. scripts/go-builds.sh

build_registry() { # name, work directory
  local module version package program=$PWD/scripts/registries/$1/main.go
  read -r module version package <<<"$(pin "$1")"
  cd "$2" && printf 'module build\n' >go.mod || return 1
  [ -n "$package" ] || cp "$program" . || return 1
  # A program that lists what it is made from can be asked for its version: `go version -m`.
  go get "$module@$version" && CGO_ENABLED=0 go build -mod=mod -buildvcs=false -trimpath -ldflags '-s -w' -o made "${package:-.}"
}

for registry in distribution-3 go-containerregistry ociregistry zot; do
  if command -v go >/dev/null; then
    make_one "$registry" build_registry || not_run "$registry" 'go cannot build it here; why is said above'
  else
    not_run "$registry" 'it is built by go, which is not installed'
  fi
done

#!/usr/bin/env bash
# Terraform and OpenTofu as the tests run them, and a real provider, below .clients/terraform/: `terraform` from PATH, the rest built from
# the exact versions of scripts/clients/terraform.mods, which come from the module proxy that this machine's own go is configured to use.
# What cannot be had is named in .clients/terraform/not-run, for the end of the test run. Without any terraform it fails.
set -uo pipefail
cd "$(dirname "$0")/.."

pins=$PWD/scripts/clients/terraform.mods
target=$PWD/.clients/terraform
# What keeps state and its keys with cloud providers is most of the programs' code, and some of it are modules that no proxy has. It plays
# no part in what is tested here, which is installing: the programs are built without it, in half the time.
backends='azure|consul|cos|gcs|kubernetes|oci|oss|pg|s3'
key_providers='aws_kms|azure_vault|gcp_kms|openbao'
platforms=(linux_amd64 linux_arm64 darwin_arm64)

made_by=(scripts/install-terraform.sh)
. scripts/go-builds.sh

build_client() { # name, work directory
  local module version package source
  read -r module version package <<<"$(pin "$1")"
  source=$(go mod download -json "$module@$version" | tee /dev/stderr | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
  [ -n "$source" ] && cp -R "$source" "$2/source" && chmod -R u+w "$2/source" && cd "$2/source" || return 1
  sed -E -i "/remote-state\/($backends)\"/d; /backend(Azure|Consul|Cos|GCS|Kubernetes|OCI|OSS|Pg|S3)\.New/d" internal/backend/init/init.go || return 1
  local registry=internal/encryption/default_registry.go
  [ ! -e "$registry" ] || sed -E -i "/keyprovider\/($key_providers)\"/d; /RegisterKeyProvider\(($key_providers)\./,/^\t\}/d" "$registry" || return 1
  # The archive of a module has no parts that are modules of their own.
  awk '/^replace .* => \.\// { print $2, $4 }' go.mod | while read -r part directory; do
    [ -e "$directory" ] || go mod edit -dropreplace="$part" -droprequire="$part"
  done
  CGO_ENABLED=0 go build -mod=mod -buildvcs=false -trimpath -ldflags "-s -w -X $module/version.dev=no" -o "$2/made" "$package"
}

build_provider() { # name, work directory
  local module version platform
  read -r module version _ <<<"$(pin "$1")"
  mkdir -p "$2/made" && cd "$2" && printf 'module build\n' >go.mod && go get "$module@$version" || return 1
  for platform in "${platforms[@]}"; do
    CGO_ENABLED=0 GOOS=${platform%_*} GOARCH=${platform#*_} go build -buildvcs=false -trimpath -ldflags '-s -w' -o "made/$platform" "$module" || return 1
  done
  printf '{"type":"%s","version":"%s","platforms":["%s"]}\n' "${module##*-}" "${version#v}" "$(IFS=, && sed 's/,/","/g' <<<"${platforms[*]}")" >made/release.json
}

if command -v go >/dev/null; then
  missing="go cannot build it here; why is said above"
  make_one tofu-1.12 build_client || not_run 'OpenTofu 1.12' "$missing"
  make_one provider build_provider || not_run 'plan and apply with a real provider' "$missing"
  make_one tofu-1.10 build_client || not_run 'OpenTofu 1.10' "$missing"
  make_one terraform-1.13 build_client || not_run 'Terraform 1.13' "$missing"
else
  for what in 'OpenTofu 1.12' 'OpenTofu 1.10' 'Terraform 1.13' 'plan and apply with a real provider'; do
    not_run "$what" 'it is built by go, which is not installed'
  done
fi

# Where the machine has no terraform, the one that was built is it.
rm -f "$target/terraform"
if ! command -v terraform >/dev/null; then
  if [ -x "$target/terraform-1.13" ]; then
    ln -s terraform-1.13 "$target/terraform"
  else
    echo 'The tests need terraform: put a program of 1.9 or newer on PATH, or install Go 1.25 or newer, which builds it from what the module proxy of `go env GOPROXY` has.' >&2
    exit 1
  fi
fi

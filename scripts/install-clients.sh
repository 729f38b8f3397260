#!/usr/bin/env bash
# The Python clients that the tests run against us, unmodified: each in an environment of its own below .clients/, in the exact
# versions of scripts/clients/<client>.txt. They come from the index that this machine's own pip is configured to use.
set -uo pipefail
cd "$(dirname "$0")/.."

pins=scripts/clients
target=.clients

stamp_of() { # client: what its environment has to be made from
  echo "$(sha256sum <"$pins/$1.txt" | cut -d' ' -f1) $python"
}

is_made() { # client
  [ -x "$target/$1/bin/python" ] && [ "$(cat "$target/$1/stamp" 2>/dev/null)" = "$(stamp_of "$1")" ]
}

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

python=$(command -v python3) || python=
missing=()
for file in "$pins"/*.txt; do
  client=$(basename "$file" .txt)
  is_made "$client" || missing+=("$client")
done
[ -n "$python" ] && [ "${#missing[@]}" -eq 0 ] && exit 0

# Debian packs the parts of Python that make environments apart.
if [ -z "$python" ] || ! python3 -c 'import venv, ensurepip' 2>/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
  if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    echo 'Installing python3 with venv and pip from the system'\''s packages.'
    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3 python3-venv python3-pip >/dev/null
  fi
  python=$(command -v python3) && python3 -c 'import venv, ensurepip' 2>/dev/null && python3 -m pip --version >/dev/null 2>&1 ||
    fail 'The tests need Python 3.10 or newer with venv and pip. On Debian: apt-get install python3 python3-venv python3-pip'
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "The tests need Python 3.10 or newer; $python is $(python3 --version)."

make_uv() {
  rm -rf "$target/uv" && python3 -m venv "$target/uv" &&
    "$target/uv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$pins/uv.txt"
}

make_client() { # client
  rm -rf "${target:?}/$1" && "$target/uv/bin/uv" venv --quiet --python "$python" "$target/$1" &&
    "$target/uv/bin/uv" pip install --quiet --compile-bytecode --python "$target/$1/bin/python" --requirement "$pins/$1.txt"
}

# uv reads no configuration of pip's: it is told the same index and the same certificates.
configured() { # setting
  python3 -m pip config list 2>/dev/null | sed -n "s/^\(:env:\|global\|user\|site\|install\)\.$1='\(.*\)'\$/\2/p" | head -n 1
}
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
  index=$(configured index-url)
  [ -n "$index" ] && export UV_DEFAULT_INDEX=$index
fi
if [ -z "${SSL_CERT_FILE:-}" ]; then
  certificates=$(configured cert)
  if [ -n "$certificates" ]; then export SSL_CERT_FILE=$certificates; else export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-true}; fi
fi

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
mkdir -p "$target"
made() { # client
  if "make_${2:-client}" "$1" >"$logs/$1" 2>&1; then
    stamp_of "$1" >"$target/$1/stamp"
  else
    echo failed >"$logs/$1.failed"
  fi
}

if ! is_made uv; then
  made uv uv
fi
if [ ! -e "$logs/uv.failed" ]; then
  for client in "${missing[@]}"; do
    [ "$client" = uv ] || made "$client" &
  done
  wait
fi

status=0
for failed in "$logs"/*.failed; do
  [ -e "$failed" ] || continue
  client=$(basename "$failed" .failed)
  tail -n 15 "$logs/$client" >&2
  printf 'The tests need %s and could not install %s/%s.txt (why: above). The index of this machine'\''s pip must have it: see python3 -m pip config list.\n' \
    "$client" "$pins" "$client" >&2
  status=1
done
[ "$status" -eq 0 ] && echo "Installed ${missing[*]} below $target/."
exit "$status"

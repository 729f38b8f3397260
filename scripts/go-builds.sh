# What the scripts share that build programs with Go, from exact versions that come from the module proxy which this machine's own go is
# configured to use. Sourced with the checkout as current directory, and `pins`, `target` and `made_by` (files, an array) set: a program is
# made anew when its pin, Go or one of those files is another.

mkdir -p "$target"
: >"$target/not-run"

not_run() { # what, why
  printf 'Not run: %s (%s).\n' "$1" "$2" | tee -a "$target/not-run"
}

pin() { # name: its module, version and package
  awk -v name="$1" '$1 == name { print $2, $3, $4 }' "$pins"
}

stamp_of() { # name: what it has to be made from, and by what
  echo "$(pin "$1") $(go env GOVERSION) $(cat "${made_by[@]}" scripts/go-builds.sh | sha256sum)"
}

make_one() { # name, what builds it: into made below its work directory
  local work status=0 began=$SECONDS
  if [ -e "$target/$1" ] && [ "$(cat "$target/$1.stamp" 2>/dev/null)" = "$(stamp_of "$1")" ]; then
    return 0
  fi
  work=$(mktemp -d)
  if ("$2" "$1" "$work") >"$work/log" 2>&1; then
    rm -rf "${target:?}/$1" && mv "$work/made" "$target/$1" && stamp_of "$1" >"$target/$1.stamp"
    echo "Built $1 in $((SECONDS - began)) s."
  else
    tail -n 15 "$work/log" >&2
    status=1
  fi
  rm -rf "$work"
  return "$status"
}

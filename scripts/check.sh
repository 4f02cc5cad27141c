#!/usr/bin/env bash
# check.sh: everything that can be said about the code without running it. All checks run, also after one has failed;
# none changes a file.
set -uo pipefail
cd "$(dirname "$0")/.."
golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=()
check() { # check "name" command…
  local name=$1 started=$SECONDS
  shift
  echo "== $name"
  "$@" || failed+=("$name")
  [[ $((SECONDS - started)) -lt 2 ]] || echo "   $((SECONDS - started)) s"
}

formatted() {
  local wrong
  wrong=$(gofmt -l .) || return 1
  [[ -z $wrong ]] || { echo "gofmt would change these (gofmt -w):"; echo "$wrong"; return 1; }
}

# The .templ files are formatted and generated in a copy, so that nothing here is overwritten.
templates() {
  local file result=0
  cp go.mod go.sum "$copy/" || return 1
  while IFS= read -r file; do
    mkdir -p "$copy/${file%/*}" && cp "$file" "$copy/$file" || return 1
  done < <(find . -name '*.templ' -not -path './.*/*')
  go tool templ generate -path "$copy" -log-level warn || return 1
  while IFS= read -r file; do
    cmp -s "$copy/$file" "$file" || { echo "$file is not what go tool templ generate makes (make generate)"; result=1; }
  done < <(cd "$copy" && find . -name '*_templ.go')
  while IFS= read -r file; do
    [[ -e ${file%_templ.go}.templ ]] || { echo "$file has no .templ file any more (remove it)"; result=1; }
  done < <(find . -name '*_templ.go' -not -path './.*/*')
  go tool templ fmt -log-level error "$copy" || return 1
  while IFS= read -r file; do
    cmp -s "$copy/$file" "$file" || { echo "go tool templ fmt would change $file"; result=1; }
  done < <(cd "$copy" && find . -name '*.templ')
  return $result
}

scripts() {
  local file result=0
  for file in scripts/*.sh deploy/*.sh deploy/parleyctl .ci/run; do bash -n "$file" || result=1; done
  return $result
}

check "gofmt" formatted
check "templates are formatted and generated" templates
check "shell scripts" scripts
check "go vet" go vet ./...
check "golangci-lint" go run "$golangci" run
check "go mod tidy" go mod tidy -diff
check "go mod verify" go mod verify

[[ ${#failed[@]} -eq 0 ]] && { echo "All checks hold."; exit 0; }
printf 'FAILED: %s\n' "${failed[@]}" >&2
exit 1

#!/usr/bin/env bash
# test.sh: runs every test with coverage, then the race detector where goroutines meet, then holds the coverage against
# the least that is wanted. Results that nothing has changed since come from Go's cache.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is shipped: not the tools, the tests' helpers (dbtest, chattest, …), and main.go, which only joins two packages.
covered=$(go list ./... | grep -vE '^parley(/scripts/.*|/e2e.*|/load.*|/.*/[a-z]+test)?$' | paste -sd, -)

echo "== tests"
started=$SECONDS
# Each package's own share of all statements says nothing; the gate adds them up.
go test -timeout 8m -covermode=atomic -coverprofile=coverage.out -coverpkg="$covered" ./... 2>&1 |
  sed -E 's/[[:space:]]+coverage: [0-9.]+% of statements.*//; /^coverage: /d; /no test files\]$/d'
echo "   $((SECONDS - started)) s"

echo "== race detector"
started=$SECONDS
raced=()
for room in app db realtime; do
  compgen -G "$room/*.go" >/dev/null && raced+=("./$room/...")
done
[[ ${#raced[@]} -eq 0 ]] || go test -race -timeout 8m "${raced[@]}"
echo "   $((SECONDS - started)) s"

echo "== coverage"
go run ./scripts/covergate -profile coverage.out -total 90 chat=95 realtime=95

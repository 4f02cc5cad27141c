#!/usr/bin/env bash
# test.sh: runs every test with coverage, then the race detector where goroutines meet, then holds the coverage against
# the least that is wanted. Results that nothing has changed since come from Go's cache.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is shipped: not the tools, the tests' helpers (dbtest, chattest, …), and main.go, which only joins two packages.
covered=$(go list ./... | grep -vE '^parley(/scripts/.*|/e2e.*|/load.*|/.*/[a-z]+test)?$' | paste -sd, -)

# Each package's own share of all statements says nothing; the gate adds them up.
covering() { # covering profile package…
  go test -timeout 15m -covermode=atomic -coverprofile="$1" -coverpkg="$covered" "${@:2}" 2>&1 |
    sed -E 's/[[:space:]]+coverage: [0-9.]+% of statements.*//; /^coverage: /d; /no test files\]$/d'
}

echo "== tests"
started=$SECONDS
# shellcheck disable=SC2046 # Names of packages have no spaces.
covering coverage.out $(go list ./... | grep -v '^parley/e2e')
echo "   $((SECONDS - started)) s"

if compgen -G "e2e/*_test.go" >/dev/null; then
  # After the others, not beside them: some of these hold the browser to a number of milliseconds.
  echo "== tests in a browser"
  started=$SECONDS
  covering coverage-e2e.out ./e2e/...
  grep -v '^mode: ' coverage-e2e.out >>coverage.out || true
  echo "   $((SECONDS - started)) s"
fi

echo "== race detector"
started=$SECONDS
raced=()
for room in app db realtime; do
  compgen -G "$room/*.go" >/dev/null && raced+=("./$room/...")
done
[[ ${#raced[@]} -eq 0 ]] || go test -race -timeout 15m "${raced[@]}"
echo "   $((SECONDS - started)) s"

echo "== coverage"
go run ./scripts/covergate -profile coverage.out -total 90 chat=95 realtime=95

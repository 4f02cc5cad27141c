#!/usr/bin/env bash
# test.sh: runs every test once, with coverage, and under the race detector where goroutines meet; then it holds the
# coverage against the least that is wanted. Results that nothing has changed since come from Go's cache.
set -euo pipefail
cd "$(dirname "$0")/.."

# The rooms in which goroutines meet. The others gain nothing from the race detector, and would take several times as long.
# The tests of realtime have a real database and Redis under them.
meeting='^parley/(nodes|realtime)(/|$)'

# On a machine that has never built Parley, half of the time goes into compiling. Without inlining, and with a compiler that
# collects no garbage until it has taken this much memory, that is 160 s instead of 290 s on two cores.
export GOFLAGS="${GOFLAGS-} -gcflags=all=-l"
compiling=(env GOGC=off GOMEMLIMIT=1GiB)
running='env -u GOMEMLIMIT GOGC=400' # tests have less to gain from that

# While packages of the system are fetched, what Parley is made of beside itself: first what takes long and is the same
# without a C compiler, then everything but what needs libvips.
{
  go list -deps -test ./... # fetches the modules
  CGO_ENABLED=0 "${compiling[@]}" go build github.com/evanw/esbuild/internal/{js_parser,js_printer,css_parser} \
    google.golang.org/protobuf/proto github.com/go-json-experiment/json golang.org/x/text/language html/template
} >/dev/null 2>&1 &
scripts/install.sh compile 2>/dev/null || scripts/install.sh test # which names all that is missing, where it cannot be installed
wait
scripts/install.sh test & installing=$!
go list -deps -test ./... | grep -vE '^parley|^[^.]+$| |\.test$|internal|/bimg$' | xargs "${compiling[@]}" go build
wait "$installing"

# What is shipped: not the tools, the harnesses, the tests' helpers (dbtest, chattest, …), and main.go and program, which
# only join two packages.
covered=$(go list ./... | grep -vE '^parley(/program|/scripts/.*|/e2e.*|/load.*|/chaos.*|/.*/[a-z]+test)?$' | paste -sd, -)

# Each package's own share of all statements says nothing; the gate adds them up. go vet is part of make check.
covering() { # covering profile flags… package…
  "${compiling[@]}" go test -exec "$running" -vet=off -timeout 15m -coverprofile="$1" -coverpkg="$covered" "${@:2}" 2>&1 |
    sed -E 's/[[:space:]]+coverage: [0-9.]+% of statements.*//; /^coverage: /d; /no test files\]$/d; /^warning: no packages being tested depend on matches/d'
}

part() { # part title profile flags… package…
  local started=$SECONDS
  echo "== $1"
  covering "${@:2}"
  echo "   $((SECONDS - started)) s"
}

# shellcheck disable=SC2046 # Names of packages have no spaces.
{
  part "tests" coverage.out -covermode=set -parallel 4 $(go list ./... | grep -v '^parley/e2e' | grep -vE "$meeting")
  part "tests under the race detector" coverage-race.out -race -covermode=atomic $(go list ./... | grep -E "$meeting")
}
grep -v '^mode: ' coverage-race.out >>coverage.out || true

if compgen -G "e2e/*_test.go" >/dev/null; then
  # After the others, not beside them: some of these hold the browser to a number of milliseconds.
  part "tests in a browser" coverage-e2e.out -covermode=set -parallel 4 ./e2e/...
  grep -v '^mode: ' coverage-e2e.out >>coverage.out || true
fi

echo "== coverage"
go run ./scripts/covergate -profile coverage.out -total 90 chat=95 realtime=95

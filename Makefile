# What can be done with Parley; `make` alone lists it. All that is needed is Go, make, git and bash: what else is missing
# is installed on Debian and Ubuntu, and named elsewhere (scripts/install.sh).
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run demo build test chaos load cover check dev generate shots clean

# Git refuses folders of other users, and Go then refuses to build: so it is not Go who asks for the version.
export GOFLAGS += -buildvcs=false
git := git -c safe.directory='*'
version = $(shell $(git) describe --tags --always --dirty 2>/dev/null || echo dev)
commit = $(shell $(git) rev-parse HEAD 2>/dev/null)
build = CGO_ENABLED=1 go build -trimpath -o bin/parley \
	-ldflags '-X parley/config.version=$(version) -X parley/config.commit=$(commit)' .

help: ## list what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build ## install what is missing, build Parley and run it; Ctrl+C stops it
	@exec bin/parley serve

# Its own data and nothing else, whatever the environment says. DEMO="--people 1000" makes a larger one, the first time.
demo: export PARLEY_DATA_DIR = .data-demo
demo: export PARLEY_DATABASE_URL =
demo: export PARLEY_DATABASE_URL_FILE =
demo: build ## run Parley with made-up people and conversations in it, kept in .data-demo
	@bin/parley demo --if-empty $(DEMO)
	@exec bin/parley serve

build: go ## only build bin/parley
	@scripts/install.sh run
	@[ -e bin/parley ] || echo 'Building Parley (about a minute the first time) …'
	@$(build)

test: go ## install what is missing, run every test, with the race detector and the coverage gate
	@scripts/test.sh

SEED ?= 1
MINUTES ?= 10
BRIEF ?=
ONLY ?=
TIMES ?= 0
chaos: go ## prove delivery while processes are killed (SEED=1 MINUTES=10 BRIEF= ONLY= TIMES= OLDER=), see docs/delivery.md
	@scripts/install.sh test
	@go run ./chaos -seed $(SEED) -minutes $(MINUTES) $(if $(BRIEF),-brief) -only '$(ONLY)' -times $(TIMES) -older '$(OLDER)'

ACCEPT ?=
PROFILE ?=
REDIS ?=
PEOPLE ?= 0
MESSAGES ?= 0
OUT ?= bin/load
load: go ## measure the speed beside what is possible at all (ONLY=B BRIEF= ACCEPT= PROFILE= MESSAGES= OUT=), see docs/performance.md
	@scripts/install.sh run
	@go build -o bin/load-tool ./load
	@exec bin/load-tool -only '$(ONLY)' -out '$(OUT)' -people $(PEOPLE) -messages $(MESSAGES) \
		$(if $(BRIEF),-brief) $(if $(ACCEPT),-accept) $(if $(PROFILE),-profile) $(if $(REDIS),-redis)

cover: ## show what the last tests reached (coverage.html shows each line)
	@[ -e coverage.out ] || { echo 'make test writes what make cover shows'; exit 1; }
	@go run ./scripts/covergate -profile coverage.out -files 15
	@go tool cover -html coverage.out -o coverage.html

check: go ## check format, generated files, linters and modules; changes nothing
	@scripts/install.sh run
	@scripts/check.sh

PORT ?= 7331
dev: go ## run Parley for designers: a saved file shows in the browser (PORT=7331)
	@scripts/install.sh run
	@go build -o bin/dev ./scripts/dev
	@exec bin/dev -port $(PORT)

generate: go ## write the Go code of the .templ files, formatted, and docs/configuration.md
	@go tool templ fmt -log-level warn .
	@go tool templ generate -log-level warn
	@go run ./scripts/configdoc >docs/configuration.md.new && mv docs/configuration.md.new docs/configuration.md

shots: go ## take screenshots of the pages into shots/
	@scripts/install.sh test
	@PARLEY_SHOTS=$(CURDIR)/shots go test ./e2e -run '^TestShots$$' -count=1

clean: ## remove what was built and measured; .data and .data-demo stay
	@rm -rf bin shots coverage* .cache

.PHONY: go
go:
	@command -v go >/dev/null || { echo 'Parley needs Go 1.26 or later: https://go.dev/dl/'; exit 1; }

# Backlot. `make` lists what it can do.

# An ordinary user's PATH lacks where runc and mkfs are.
export PATH := $(PATH):/usr/sbin:/sbin

GO ?= $(shell command -v go)
BIN := bin
GOLANGCI := $(BIN)/tools/golangci-lint
DATA ?= data
LISTEN ?= 127.0.0.1:8017
# Sessions need root; sudo's own PATH would hide Go.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo env PATH=$(PATH))

.PHONY: help run build setup setup-test test check lint generate fuzz bench bench-api bench-volumes bench-stream bench-roads bench-soak chaos failpoints down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## set up what is missing, build, and start a studio of your own to try
	$(SUDO) $(BIN)/backlot serve --dev --data "$(DATA)" --listen "$(LISTEN)"

build: setup ## build bin/backlot, bin/backlot-streamer and the X server's driver for pens
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/backlot ./cmd/backlot
	CGO_ENABLED=1 $(GO) build -trimpath -o $(BIN)/backlot-streamer ./cmd/backlot-streamer
	scripts/pen-driver $(BIN)/backlotpen_drv.so

setup:
	@scripts/setup run

setup-test:
	@scripts/setup test

down: ## stop every session of ./data and take all of it off the machine; the data stays
	$(SUDO) $(BIN)/backlot down --data "$(DATA)"

# What an artist feels is timed end to end, and so runs by itself.
test: setup-test build ## every test: rooms, drivers on the real machine, the whole story in a browser
	$(SUDO) $(GO) test -shuffle=on -timeout 30m $(shell $(GO) list ./... | grep -v /e2e$$)
	$(SUDO) $(GO) test -shuffle=on -timeout 30m -parallel 4 ./e2e

check: setup-test lint ## format, vet, lint, fresh generated files, the import law, races
	CGO_ENABLED=0 $(GO) build -trimpath -o /dev/null ./cmd/backlot
	$(SUDO) $(GO) test -race -short -timeout 20m ./...

lint: $(GOLANGCI)
	$(GO) vet ./...
	GOLANGCI_LINT_CACHE=$(CURDIR)/$(BIN)/lint $(GOLANGCI) run

# A module of its own: what the linter needs is not what Backlot does.
$(GOLANGCI): scripts/tools/go.mod
	$(GO) build -C scripts/tools -o $(CURDIR)/$(GOLANGCI) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

generate: ## make the generated files again: pages, docs
	$(GO) generate ./...

fuzz: ## fuzz every parser for FUZZTIME each (default 1m)
	scripts/fuzz $(or $(FUZZTIME),1m)

bench: build ## session times against the bare floor, in one run
	$(SUDO) $(GO) test -run '^$$' -bench Session -benchtime 5x -timeout 20m ./e2e

bench-api: setup-test ## signed requests against a bare handler, on SQLite and PostgreSQL; lists up to ROWS sessions (default 1000000)
	$(GO) test -run '^$$' -bench API -benchtime 2s -timeout 60m ./cmd/backlot -rows $(or $(ROWS),1000000) -requests 1000000

bench-volumes: setup ## what a session feels of its backups at 100 MiB, 1 and 10 GiB; archives against cp and sha256sum
	$(SUDO) $(GO) test -run '^$$' -bench 'Volumes|Tree' -benchtime 10x -timeout 40m ./internal/volume/btrfs

bench-stream: build ## what an artist feels, Backlot against noVNC and xpra in one run, in ROUNDS rounds (default 3; 1: quickly)
	@scripts/setup bench
	$(SUDO) $(GO) test -run '^$$' -bench 'Stream$$' -benchtime 1x -timeout 30m ./e2e -rounds $(or $(ROUNDS),3)

bench-roads: build ## a moving picture over bad networks, by UDP, TCP and WebSocket
	@scripts/setup test
	$(SUDO) $(GO) test -run '^$$' -bench 'Way$$' -benchtime 1x -timeout 20m ./e2e

bench-soak: build ## a moving picture with sound for SPAN (default 30m) by ROAD (default udp): memory, age, whether sound and picture drift apart
	@scripts/setup test
	$(SUDO) $(GO) test -run '^$$' -bench 'Soak$$' -benchtime 1x -timeout 90m ./e2e -soak $(or $(SPAN),30m) -road $(or $(ROAD),udp)

chaos: build ## kill the server KILLS times (default 500) under clients at work, and look for what is lost; SEED repeats a run's chances, STORE=postgresql
	$(SUDO) $(GO) test -count 1 -run TestChaos -v -timeout 90m ./e2e -kills $(or $(KILLS),500) -seed $(or $(SEED),0) -store $(or $(STORE),sqlite)

failpoints: build ## fail every verb of every operation of a session in every way; SEED repeats a run's order
	$(SUDO) $(GO) test -count 1 -run 'TestFailpoints$$' -v -timeout 60m ./e2e -failpoints 0 -seed $(or $(SEED),0)

clean: ## remove what was built
	rm -rf $(BIN)

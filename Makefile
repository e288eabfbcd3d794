# MCP Gateway. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN := bin/mcp-gateway
PACKAGES := ./...
STATICCHECK := $(GO) tool -modfile=tools/go.mod staticcheck

.PHONY: help build demo check test e2e bench attack fmt vet lint unit generate clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## build bin/mcp-gateway
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/mcp-gateway

demo: build ## build, start with a sample organisation and database, show how to connect
	$(BIN) demo

check: fmt vet lint unit ## the fast loop: format, vet, lint, layers, unit tests

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change: $$out"; exit 1; fi

vet:
	$(GO) vet $(PACKAGES)

lint:
	$(STATICCHECK) $(PACKAGES)

unit:
	$(GO) test -short $(PACKAGES)

test: fmt vet lint build ## everything that must pass; starts the servers it needs
	scripts/with-servers scripts/peers scripts/test

e2e: ## drive the pages in a browser; pictures go to MCPGW_TEST_PICTURES
	scripts/peers $(GO) test -count=1 ./tests/e2e

bench: build ## print the performance table
	scripts/with-servers scripts/bench

attack: build ## attack a running gateway in every way that we know; prints a table
	scripts/with-servers $(GO) run ./tests/attack

generate: ## regenerate the store's queries and the documents made from code
	cd internal/store && $(GO) run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate
	$(GO) test ./internal/config ./internal/database/... -run Reference -update

clean: ## remove what was built
	rm -rf bin

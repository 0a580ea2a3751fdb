# make up · preview · destroy · local · roll · bench · build · test · mutate · check. STACK is a tier (tier-100 … tier-100k) or any Pulumi.<name>.yaml.
.DEFAULT_GOAL := help
.PHONY: help up preview destroy local roll bench build test mutate check
# STACK and FROM are exported, not pasted into the commands: a value with a quote in it stays a value. ARGS is a piece of a
# command line, and pasted: the shell reads its quotes.
export STACK ?= tier-100
export FROM
PROGRAMS := ./runtime/cmd/agent ./runtime/cmd/api ./runtime/cmd/function ./runtime/cmd/keeper ./runtime/cmd/migrate ./runtime/cmd/worker
CC := $(shell go env CC)
RACE := $(if $(shell command -v $(CC)),-race)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

up: ## apply STACK to a simulated AWS: nothing is created
	@go run ./offline up --stack "$$STACK"

preview: ## show the plan of STACK; FROM=tier-1k shows the move to it, JSON=1 prints one JSON object
	@go run ./offline preview --stack "$$STACK" --from "$$FROM" $(if $(JSON),--json)

destroy: ## remove what up applied to STACK
	@go run ./offline destroy --stack "$$STACK"

local: ## run the platform on this machine: ARGS="--users 100 --workers 110 --kill 10"
	@go build -o .workerfleet/bin/ ./runtime/cmd/local $(PROGRAMS)
	@.workerfleet/bin/local $(ARGS)

roll: ## roll from the programs of a commit to these, under orders: FROM=COMMIT ARGS="--back --for 2m"
	@go build -o .workerfleet/bin/ ./runtime/cmd/local $(PROGRAMS)
	@former=$$(mktemp -d) && trap 'rm -rf "$$former"' EXIT && trap 'exit 1' INT TERM && \
	git archive "$$FROM" -- go.mod go.sum runtime stacks | tar x -C "$$former" && \
	(cd "$$former" && go build -o bin/ $(PROGRAMS)) && \
	.workerfleet/bin/local --former "$$former/bin" --users 24 --hosts 2 --orders 30 --for 60s $(ARGS)

bench: ## measure: ARGS="claims --ramp", ARGS=burst, reap, hostloss, faults, tracking, costs, compare, host, workers, launches, functions, ARGS="orders --rate 500"
	@go build -o .workerfleet/bin/ ./runtime/cmd/agent ./runtime/cmd/bench ./runtime/cmd/function ./runtime/cmd/worker
	@.workerfleet/bin/bench $(or $(ARGS),claims)

build: ## write dist/function-amd64.zip and dist/function-arm64.zip, which an update deploys
	@go run ./runtime/cmd/bundle

test: ## run every test, the runtime's under the race detector where there is a C compiler
	go test -timeout 20m $$(go list ./... | grep -v '^workerfleet/runtime/')
	$(if $(RACE),CGO_ENABLED=1 )go test -timeout 20m $(RACE) ./runtime/...
	@go run ./runtime/parts/report

mutate: ## take each guard out of claims and orders in turn, and see what notices: ARGS="-only lease", ARGS=-update
	@go run ./tools/mutate $(ARGS)

check: ## formatting, modules, vet and staticcheck; .ci/run alone adds the installation of parts and all tests
	.ci/run formatting modules vet staticcheck

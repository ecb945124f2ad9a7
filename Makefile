# Papilio: `make` lists what can be done. C comes first (CMake), then openapi.json, which the program prints of
# itself, then the console (npm). A second run rebuilds nothing.
MAKEFLAGS += --no-print-directory
JOBS ?= 2
DATA ?= build/data
LISTEN ?= 127.0.0.1:8080
PAPILIO := build/release/papilio
CONSOLE := $(if $(wildcard web/admin/package.json),build/web/admin/index.html)

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 8

deps: ## install the Debian packages that are missing, for building, testing and checking
	@scripts/deps.sh all

build: release $(CONSOLE) ## build/release/papilio and its console

demo: build ## a generated brand on http://127.0.0.1:8080
	@$(PAPILIO) demo --data build/demo --listen $(LISTEN)

test: deps build asan dist ## all tests; the last line counts them
	@node scripts/test.mjs $(STAGE)

soak: ## the long proofs: all seeds, all kills, thread sanitizer, cppcheck, long fuzzing
	@scripts/deps.sh soak
	@scripts/soak.sh

sim: asan ## the simulator: SEED=n, SIM_DAYS (90), SIM_CUSTOMERS (400), SIM_BREAK (0..8: a mistake to be found)
	@SIM_SEED=$(or $(SEED),1) build/asan/test/sim_test

check: deps build ## formatting, house rules, both compilers, linters
	@scripts/check.sh

tidy: asan ## the house rules only
	@build/asan/tidy .

format: ## lay out every .c file as check wants it
	@git ls-files -co --exclude-standard '*.c' ':!test/tidy' | xargs -r clang-format -i

bench: build build/bench_modules.stamp ## speed beside the peers: all, or NAME=...
	@scripts/deps.sh bench
	@node bench/run.mjs $(NAME)

fuzz: deps ## every fuzzer for FUZZ_SECONDS (60), or NAME=...
	@scripts/fuzz.sh $(NAME)

dev: build ## server with the console rebuilt as you type
	@scripts/dev.sh $(DATA) $(LISTEN)

dist: build ## one program with the console inside, as build/papilio-VERSION.tar.xz and as .deb
	@scripts/ninja.sh release $(JOBS) papilio_dist
	@scripts/dist.sh >build/dist.log 2>&1 || { cat build/dist.log; exit 1; }
	@grep -o 'build/papilio.*' build/dist.log

clean: ## remove build/
	rm -rf build

# --- C -----------------------------------------------------------------------------------------
release: build-deps build/release/build.ninja
	@scripts/ninja.sh release $(JOBS)

asan: build-deps build/asan/build.ninja
	@scripts/ninja.sh asan $(JOBS)

build-deps:
	@scripts/deps.sh build

build/%/build.ninja: CMakePresets.json
	@mkdir -p build && scripts/deps.sh build
	@cmake --preset $* >build/$*.log 2>&1 || { cat build/$*.log; exit 1; }

# --- the console ---------------------------------------------------------------------------------
PACKAGES := $(wildcard package.json package-lock.json web/*/package.json test/e2e/package.json)
PAGES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.d.ts 2>/dev/null)

build/node_modules.stamp: $(PACKAGES)
	@mkdir -p build
	@npm ci --no-audit --no-fund --loglevel=error >build/npm.log 2>&1 || { cat build/npm.log; exit 1; }
	@touch $@

build/bench_modules.stamp: bench/package.json bench/package-lock.json
	@mkdir -p build
	@npm install --no-save --prefix bench >build/bench_npm.log 2>&1 || { cat build/bench_npm.log; exit 1; }
	@touch $@

build/openapi.json: release
	@$(PAPILIO) openapi >$@.new
	@cmp -s $@ $@.new && rm $@.new || mv $@.new $@

build/web/admin/index.html: build/node_modules.stamp build/openapi.json $(PAGES)
	@{ npm run generate && npm run build; } >build/console.log 2>&1 || { cat build/console.log; exit 1; }
	@touch $@
	@echo "built build/web/admin"

.PHONY: help deps build demo test soak sim check tidy format bench fuzz dev dist clean release asan build-deps

# Papilio: `make` lists what can be done.
MAKEFLAGS += --no-print-directory
JOBS ?= 2

help: ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

build/%/build.ninja: CMakeLists.txt CMakePresets.json
	@mkdir -p build; cmake --preset $* >build/$*.log 2>&1 || { cat build/$*.log; exit 1; }

build: build/release/build.ninja ## build/release/papilio
	@cmake --build --preset release -j $(JOBS)

clean: ## remove build/
	rm -rf build

.PHONY: help build clean

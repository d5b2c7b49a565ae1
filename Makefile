# `make help` lists what there is. GNU make 3.81 or later, on Linux and macOS; needs Python 3.11 or later.

PYTHON   ?= python3
VENV     ?= .venv
# Not from a variable HOST of the environment, which some shells set to the machine's public name.
HOST     := $(or $(KSHOT_HOST),127.0.0.1)
PORT     ?= $(or $(KSHOT_PORT),8000)
# Processes that run the tests: on two cores a third one works while another waits for a server.
WORKERS  ?= 3
# Further arguments for `pip install`, for example another index to take torch from.
PIP_ARGS ?=

BIN := $(VENV)/bin
# pip would compile all there is, which takes a minute of a core; Python compiles what it imports, and keeps that.
export PYTHONDONTWRITEBYTECODE :=
install = $(BIN)/python -m pip --disable-pip-version-check install --no-compile $(PIP_ARGS) -c constraints.txt $(1)

# One thread of OpenMP in each worker: more of them would wait for one another. TESTS may leave nothing to run, which
# is pytest's exit status 5.
pytest = OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(1) $(TESTS) || [ $$? -eq 5 ]

checks = $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

.DEFAULT_GOAL := help
.PHONY: help serve install test test-deploy benchmarks kills archives fuzz typescript access soak lint format clean

help: ## List the targets and the variables they take
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Variables: HOST=$(HOST) PORT=$(PORT) PYTHON=$(PYTHON) VENV=$(VENV) WORKERS=$(WORKERS) PIP_ARGS=$(PIP_ARGS)"

serve: $(VENV)/.serve ## Start the service with the shipped checkpoints (HOST, PORT)
	$(BIN)/kshot serve --host $(HOST) --port $(PORT)

install: $(VENV)/.dev ## Install everything that development needs into the virtual environment

# Style and types are checked while the tests wait for servers, and said at the end. Meanwhile, in a new environment,
# all is imported once: else each process would compile it, which takes half a minute of a core.
test: $(VENV)/.dev ## Check style and types, and run the tests (TESTS="tests/app -k zip" for some of them)
	@{ $(checks); } >$(VENV)/lint.log 2>&1 & lint=$$!; \
	[ $(VENV)/.imported -nt $(VENV)/.dev ] || { $(BIN)/python -m pytest --collect-only -q >/dev/null; touch $(VENV)/.imported; }; \
	{ $(call pytest,-n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone and not deploy"); }; tests=$$?; \
	wait $$lint; lint=$$?; cat $(VENV)/lint.log; exit $$((tests + lint))
	$(call pytest,-m alone $(if $(TESTS),,tests/faults))

test-deploy: $(VENV)/.deploy ## Render the Helm chart, run what it says under load; serve and classify by Ray
	$(call pytest,tests/deploy)

benchmarks: $(VENV)/.dev ## Run the benchmarks' tests, with those that take long
	KSHOT_BENCHMARKS=1 $(BIN)/python -m pytest tests/benchmarks

kills: $(VENV)/.dev ## Kill the server 50 times while clients use it, and see that nothing is lost
	KSHOT_KILLS=50 $(BIN)/python -m pytest tests/faults/test_kill.py

archives: $(VENV)/.dev ## Read 20,000 drawn archives, and see that no class is lost, merged or renamed
	KSHOT_ARCHIVES=20000 $(BIN)/python -m pytest tests/app/inputs/archives/test_properties.py tests/app/inputs/archives/test_names.py

fuzz: $(VENV)/.dev ## Send 100,000 spoiled uploads
	$(BIN)/python -m tests.faults.fuzz

typescript: $(VENV)/.dev ## Make a TypeScript client from the OpenAPI document, and run it in Node
	$(BIN)/python -m tests.clients.typescript.run

access: $(VENV)/.dev ## Look for what axe finds serious: light and dark, phone and desktop, in each language
	KSHOT_ACCESS=1 $(BIN)/python -m pytest tests/page/test_access.py

soak: $(VENV)/.dev ## Serve for a while, and see that memory doesn't grow
	$(BIN)/python -m benchmarks.soak

lint: $(VENV)/.dev ## Check style and types
	$(checks)

format: $(VENV)/.dev ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove the virtual environment and the tools' caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

# Stamps: the environment is made once, and again brought up to date when what it is made from changes.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "kshot needs Python 3.11 or later: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: pyproject.toml kshot/pyproject.toml constraints.txt | $(BIN)/python
	$(call install,-e ./kshot -e '.[fast]')
	$(BIN)/kshot serve --check
	@touch $@

$(VENV)/.deploy: $(VENV)/.dev
	$(call install,-e ./kshot -e '.[deploy]')
	@touch $@

$(VENV)/.dev: pyproject.toml kshot/pyproject.toml constraints.txt | $(BIN)/python
	$(call install,-e ./kshot -e '.[dev]')
	@touch $@

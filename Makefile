# Everything a person needs: `make up`, `make down`, `make test`. The rest serves those.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: up down test lint bench docs record-cli screenshots lock clean

SOURCES := $(shell find hive_* -type f -not -name '*.pyc' 2>/dev/null) pyproject.toml
# What the hive runs on, and what the environment is built with.
DEBS := systemd-container dbus git e2fsprogs ca-certificates python3-venv python3-dev gcc pkg-config libsystemd-dev
# What tests drive the hive with: a browser, a foreign proxy and database client's server, and nix.
TEST_DEBS := chromium fonts-dejavu-core fonts-inter redis-server nix-bin nginx-light

# All tests: two at a time, those of a file together, the long ones first.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder

# Debian's own python3: an interpreter below a home directory cannot be read from inside a container.
PYTHON := /usr/bin/python3
PIP := .venv/bin/python -m pip --quiet --disable-pip-version-check

up: .venv
	@.venv/bin/hive up $(UP)

down: .venv
	@.venv/bin/hive down $(DOWN)

.venv: .venv/.dependencies .venv/.installed

.venv/.dependencies: requirements.lock
	@scripts/apt-need $(DEBS)
	@test -x .venv/bin/pip || { echo 'making .venv; the first time takes a minute or two' >&2; $(PYTHON) -m venv .venv; }
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

.venv/.installed: .venv/.dependencies $(SOURCES)
	@$(PIP) install --no-deps --no-build-isolation --force-reinstall .
	@rm -rf build *.egg-info
	@touch $@

test: .venv
	@scripts/apt-need $(TEST_DEBS)
	@.venv/bin/python -m pytest $(or $(ARGS),$(SIDE_BY_SIDE))

lint: .venv
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports >/dev/null || .venv/bin/lint-imports

bench: .venv
	@.venv/bin/python -m tests.bench $(ARGS)

# What is generated from the code; a test fails when it is stale.
docs: .venv
	@.venv/bin/python -m hive_rpc.docs docs/rpc
	@.venv/bin/python -m hive_cli.docs docs/cli.md
	@.venv/bin/python -m hive_core.agents.docs docs/agent-toml.md

# The README's pictures: an agent's page as the end-to-end test sees it, and the front page of a hive that a test plays.
screenshots: .venv
	@.venv/bin/python -m pytest --quiet tests/e2e/test_conversation.py tests/integration/test_web_browser.py -k "a_message_in or pictures"
	@mkdir -p docs/images && cp test-artifacts/agent.png docs/images/ && cp test-artifacts/hive-desktop-light.png docs/images/hive.png

# Runs the Claude CLI of the SDK against the stand-in; docs/claude-cli.md says what to do when its version is a new one.
record-cli: .venv
	@.venv/bin/python -m tests.recording.record

lock: .venv
	@.venv/bin/pip-compile --quiet --extra dev --allow-unsafe --generate-hashes --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml

# The hive's state is not touched: `hive down`, then remove .hive by hand.
clean:
	@rm -rf .venv build *.egg-info test-artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Everything a person needs: `make up`, `make down`, `make test`. The rest serves those.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: up down test lint bench docs lock clean

SOURCES := $(shell find hive_* -type f -not -name '*.pyc' 2>/dev/null) pyproject.toml
DEBS := systemd-container dbus pkg-config libsystemd-dev gcc python3-dev python3-venv

# Debian's own python3: an interpreter below a home directory cannot be read from inside a container.
PYTHON := /usr/bin/python3

up: .venv
	@.venv/bin/hive up $(UP)

down: .venv
	@.venv/bin/hive down $(UP)

.venv: .venv/.dependencies .venv/.installed

.venv/.dependencies: requirements.lock
	@scripts/apt-need $(DEBS)
	@test -x .venv/bin/python3 || $(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.installed: .venv/.dependencies $(SOURCES)
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@rm -rf build *.egg-info
	@touch $@

test: .venv
	@scripts/apt-need chromium fonts-dejavu-core redis-server nix-bin nginx-light
	@.venv/bin/python -m pytest $(ARGS)

bench: .venv
	@.venv/bin/python -m tests.bench $(ARGS)

docs: .venv
	@.venv/bin/python -m hive_rpc.docs docs/rpc
	@.venv/bin/python -m hive_cli.docs docs/cli.md

lock: .venv
	@.venv/bin/pip-compile --quiet --extra dev --allow-unsafe --generate-hashes --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml

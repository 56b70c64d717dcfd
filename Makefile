# `make` lists the commands. They need python3 (3.11 or newer); PYTHON=python3.12 picks another.

.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz messages screenshots check check-types check-all-else lock venv \
	users-lock developers-lock

asked := $(PYTHON)
PYTHON ?= python3
python := .venv/bin/python
version := print(*sys.version_info[:2], sep=".")

# $(call install,LOCKS): .venv as the last of these locks says, each a superset of those before it.
# A copy in .venv marks a lock as installed, so that only one that has changed is installed again.
define install
@cmp -s $(lastword $(1)) .venv/$(lastword $(1)) || { \
	echo "Installing dependencies into .venv ..." && \
	$(python) -m pip install -qq --disable-pip-version-check --no-input --no-deps \
		--require-hashes -r $(lastword $(1)) && \
	cp $(1) .venv/; }
endef

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: users-lock ## Make .venv with the dependencies, and start nothing

run: users-lock ## Start Karani: web server, worker and, the first time, a demo business
	@exec $(python) manage.py up

test: developers-lock ## Run the whole suite with coverage (ARGS="-k orders" goes to pytest)
	@exec $(python) tests/run.py $(ARGS)

fuzz: developers-lock ## Send the API what its document allows and forbids (EXAMPLES=100 sends more)
	@exec $(python) -m tests.fuzz.run $(if $(EXAMPLES),--examples $(EXAMPLES)) $(ARGS)

screenshots: developers-lock ## Take the pictures of the README
	@exec $(python) -m docs.screenshots

messages: developers-lock ## Bring the Swahili catalog up to the words in the code (needs gettext)
	@exec $(python) manage.py messages

# The address is https so that `check --deploy` looks at what a real installation runs.
messages check: export DATABASE_URL := sqlite://:memory:
messages check: export DEBUG := off
messages check: export PUBLIC_URL := https://karani.example.com
messages check: export SECRET_KEY := only-for-the-checks-0123456789-abcdefghijklmnopqrstuvwxyz
check: developers-lock ## Lint, format, types, import floors, migrations, settings, translations
	@$(MAKE) --jobs=2 --output-sync --no-print-directory check-types check-all-else

# By itself, as it takes longer than all the others together.
check-types:
	.venv/bin/mypy .

check-all-else:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo
	$(python) manage.py makemigrations --check --dry-run
	$(python) manage.py check --deploy --fail-level WARNING
	$(python) manage.py messages --check $(MESSAGES)

# Pins that still fit stay as they are. The developers' lock keeps to the users' one: a superset.
compile = pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(OPTIONS)
lock: ## Write both lock files from pyproject.toml (OPTIONS=--upgrade takes new versions)
	@uv=$$(command -v uv) || { \
		uv=.venv-lock/bin/uv; \
		test -x $$uv || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install -qq uv; }; \
	} && \
	$$uv $(compile) --output-file requirements.lock && \
	$$uv $(compile) --group dev --constraint requirements.lock --output-file requirements-dev.lock

users-lock: venv
	$(call install,requirements.lock)

developers-lock: venv
	$(call install,requirements.lock requirements-dev.lock)

# A .venv is made again where it is broken, or where PYTHON asks for another version.
venv:
	@have=$$($(python) -c 'import pip, sys; $(version)' 2>/dev/null); \
	if [ -n "$$have" ] && [ -z "$(asked)" ]; then exit; fi; \
	want=$$($(PYTHON) -c 'import sys; $(version) if sys.version_info >= (3, 11) else exit(1)' \
		2>/dev/null) || { \
		echo "$(PYTHON) is missing or too old: install Python 3.11 or newer; if it is not your" \
			"python3, name it, as in PYTHON=python3.12 make run" >&2; exit 1; }; \
	if [ "$$have" = "$$want" ]; then exit; fi; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment: install python3-venv" >&2; exit 1; }; \
	$(PYTHON) -m venv --clear .venv

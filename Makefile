# `make check` is everything that must hold before a change is kept; `make check-all` adds what takes long.
PYTHON ?= python
JOBS ?= auto

.PHONY: check check-all format lint types imports test coverage pages bench oracle

check: lint types imports pages coverage

check-all: check oracle
	CFY_STRESS_SECONDS=30 $(PYTHON) -m pytest -n $(JOBS) -m slow
	CFY_STRESS_SECONDS=30 $(PYTHON) -m pytest tests/manager/test_processes.py -k concurrent_writers -s

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

imports:
	$(PYTHON) -c 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())'

test:
	$(PYTHON) -m pytest -n $(JOBS) --dist worksteal -m 'not slow'

# The same tests, half as long again, and a failure when they run less of the code than they used to.
coverage:
	$(PYTHON) -m pytest -n $(JOBS) --dist worksteal -m 'not slow' --cov --cov-report=term:skip-covered --cov-fail-under=90

# Man pages and completions are made from the command tree; `--check` fails when they are stale.
pages:
	$(PYTHON) -m cfy_cli.pages --check

# The public parser of blueprints, in a virtual environment of its own with `cloudify-common[dispatcher]`, is asked again.
oracle:
	@if [ -n "$(CFY_ORACLE)" ]; then \
	$(CFY_ORACLE) tests/dsl/record.py --check && $(PYTHON) -m pytest tests/dsl/test_oracle.py -m slow -rs -s; \
	else echo "absent: CFY_ORACLE names no Python that has the public parser"; fi

bench:
	$(PYTHON) benchmarks/startup.py
	$(PYTHON) benchmarks/compile.py
	$(PYTHON) benchmarks/requests_per_second.py

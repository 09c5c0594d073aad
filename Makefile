# `make check` is everything that must pass before a change is merged; `make check-all` adds the long-running tests.
PYTHON ?= python
JOBS ?= auto
unexport PYTHONDONTWRITEBYTECODE    # the tests start hundreds of processes, and each would compile all modules again

.PHONY: check check-all format lint types imports collect quick test coverage pages docs bench oracle

check: lint types imports pages coverage

check-all: check oracle
	CFY_STRESS_SECONDS=30 $(PYTHON) -m pytest -n $(JOBS) -m slow --ignore tests/manager/test_fuzz.py
	$(PYTHON) -m pytest tests/manager/test_fuzz.py -m slow -s
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

# About a minute and a half on two cores, on SQLite: no processes, workers, pip and generated inputs. The markers are in pyproject.toml.
quick:
	CFY_TEST_POSTGRESQL= $(PYTHON) -m pytest -n $(JOBS) --dist worksteal \
	    -m 'not (slow or process or worker or pip or fuzz or crash)'

# Compiles the tests, with their assertions, before several processes want them at once.
collect:
	$(PYTHON) -m pytest -q --collect-only -m 'not slow' >/dev/null

test:
	$(PYTHON) -m pytest -n $(JOBS) --dist worksteal -m 'not slow'

# The same tests with coverage, which takes half as long again; fails when too little of the code is covered.
coverage:
	$(PYTHON) -m pytest -n $(JOBS) --dist worksteal -m 'not slow' --cov --cov-report=term:skip-covered --cov-fail-under=90

# Man pages and completions are generated from the command tree; `--check` fails when they are stale.
pages:
	$(PYTHON) -m cfy_cli.pages --check

# Compares plans with those of the public parser; CFY_ORACLE is a Python with `cloudify-common[dispatcher]`.
oracle:
	@if [ -n "$(CFY_ORACLE)" ]; then \
	$(CFY_ORACLE) tests/dsl/record.py --check && $(PYTHON) -m pytest tests/dsl/test_oracle.py -m slow -rs -s; \
	else echo "skipped: CFY_ORACLE is not set to a Python that has the public parser"; fi

# The documentation as HTML, in build/docs; its search needs a server: python -m http.server -d build/docs
docs:
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

bench:
	$(PYTHON) benchmarks/startup.py
	$(PYTHON) benchmarks/compile.py
	$(PYTHON) benchmarks/requests_per_second.py

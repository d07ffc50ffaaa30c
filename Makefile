# All that a checkout needs: Python 3.11 or newer, and make.

VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test check limits capabilities clean

## Run the example's tests through the plugin, on an embedded PostgreSQL.
demo: $(STAMP)
	cd examples/shop && ../../$(VENV)/bin/python -m pytest -v --durations=0 --durations-min=0.1

## Run every test of the project.
test: $(STAMP)
	scripts/install-browser
	scripts/install-mariadb
	scripts/test

## Format, lint, types, and the tests that need no server. Under a minute.
check: $(STAMP)
	scripts/check

## Write docs/reference/limits.md from the programs of tests/fidelity. Under a minute.
limits: $(STAMP)
	PYTHONPATH=tests $(VENV)/bin/python -m fidelity.write_limits

## Write docs/reference/capabilities.md from the probes of tests/capabilities. Some three minutes.
capabilities: $(STAMP)
	scripts/install-mariadb
	PYTHONPATH=tests $(VENV)/bin/python -m capabilities.write_page

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml scripts/install
	scripts/install $(VENV)
	touch $@

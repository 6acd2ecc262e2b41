# Nothing here is newer than GNU make 3.81, which is what macOS has.

# The Python to build with, e.g. PYTHON=python3.12; arguments of the program, e.g. ARGS="-k dropout".
PYTHON ?=
ARGS ?=

UV := $(shell command -v uv 2>/dev/null)
OLDEST := $(shell sed -n 's/^requires-python = ">=\([0-9.]*\)"$$/\1/p' pyproject.toml)

help: ## show this list
	@awk 'BEGIN {FS = ": .*## |: ## "} /^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: .venv/.with-cli ## run the classic experiment and draw it
	.venv/bin/skinit demo $(ARGS)

test: .venv/.with-test ## run all tests, or some: make test ARGS="-k dropout"
	.venv/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

# Recording which lines run makes the tests take a third longer.
coverage: .venv/.with-test ## run all tests, and measure how many lines they reach
	.venv/bin/python -m pytest -n 2 --dist worksteal --cov

# Old libraries warn of deprecations in each other, which are not ours to mend.
test-oldest: .venv-oldest/.with-test ## run the tests on the oldest supported Python (on PATH, or by uv) and libraries
	.venv-oldest/bin/python -m pytest -n 2 --dist worksteal -W ignore::DeprecationWarning \
	    -W ignore::PendingDeprecationWarning $(ARGS)

lint: .venv/.with-lint ## check style, format, spelling and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/codespell
	.venv/bin/basedpyright --pythonpath .venv/bin/python

docs: .venv/.with-docs ## build the site; a warning is an error
	.venv/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html
	@echo 'First page: $(CURDIR)/docs/_build/html/index.html'

# Each shows its options with --help, and skips a peer that is not installed. OpenBLAS picks its
# kernels by the processor; Haswell's are those of processors without AVX-512.
bench: .venv/.with-bench ## time skinit beside scikit-learn, PyTorch and JAX; takes many minutes
	$(call measure_speed,env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE)
	$(call measure_speed,env -u OPENBLAS_L2_SIZE OPENBLAS_CORETYPE=Haswell)
	.venv/bin/python benchmarks/accuracy.py --publish

clean: ## remove environments, caches and built docs
	rm -rf .venv .venv-oldest .coverage .hypothesis .pytest_cache .ruff_cache build dist *.egg-info
	rm -rf docs/_build docs/auto_examples docs/generated docs/sg_execution_times.rst
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo test coverage test-oldest lint docs bench clean
# Two installers must not write into one environment at the same time.
.NOTPARALLEL:

# The install is editable, so a stamp depends on the list of requirements, not on the sources.
.venv/.with-%: pyproject.toml | .venv/bin/python
	$(call install,.venv) $(editable)'.[$*]'
	@touch $@

.venv-oldest/.with-test: pyproject.toml | .venv-oldest/bin/python
	@.venv-oldest/bin/python -c '$(print_oldest)' > .venv-oldest/constraints.txt
	$(call install,.venv-oldest) -c .venv-oldest/constraints.txt $(editable)'.[test]'
	@touch $@

.venv/bin/python:
	$(call new_venv,.venv,$(PYTHON))

.venv-oldest/bin/python:
	$(call new_venv,.venv-oldest,python$(OLDEST))

install = $(if $(UV),uv pip install --quiet --python $(1)/bin/python,$(1)/bin/python -m pip install --quiet)

# In this mode Python also finds the package from the folder above, where a checkout with the name
# skinit would hide it.
editable = --config-settings editable_mode=compat -e 

# Remove an environment whose setup failed: the next call would take it for complete. --seed installs
# pip, for use by hand or when uv is removed later.
define new_venv
@rm -rf $(1)
@$(if $(UV),uv venv --quiet --seed $(if $(2),--python $(2)),$(or $(2),python3) -m venv) $(1) \
    && $(1)/bin/python -c '$(check_python)' || { rm -rf $(1); exit 1; }
endef

define measure_speed
$(1) .venv/bin/python benchmarks/bench_fit.py --publish
$(1) .venv/bin/python benchmarks/bench_minibatch.py --publish
$(1) .venv/bin/python benchmarks/bench_predict.py --publish
$(1) .venv/bin/python benchmarks/bench_growth.py --publish
endef

check_python = import sys; oldest = "$(OLDEST)"; \
    sys.version_info >= tuple(map(int, oldest.split("."))) or sys.exit( \
    "skinit needs Python " + oldest + " or newer, and this is " + sys.version.split()[0] + \
    "; name another one: PYTHON=python3.12 make $(MAKECMDGOALS)")

print_oldest = import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    needs = project["dependencies"] + sum(project["optional-dependencies"].values(), []); \
    print(*(need.replace(">=", "==") for need in needs if ">=" in need), sep="\n")

# make course   set everything up and open the first lesson
# make test     prove the whole project
#
# Both create the environment .venv on their first call (some minutes, about 1 GB) and are quick from then on.
#
#   PYTHON=python3.12        another Python: 3.11, 3.12 or 3.13
#   TORCH_INDEX=<address>    an extra package index that holds CPU-only builds of PyTorch (see README)
#   LAB_FLAGS=--no-browser   passed on to JupyterLab
#   BROWSER=no               make test without the browser tests

# The first Python that every package has builds for.
FITTING     := sys.version_info[:2] in ((3, 11), (3, 12), (3, 13))
PYTHON      ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell \
                 $(p) -c "import sys; sys.exit(not $(FITTING))" 2>/dev/null && echo $(p))) python3)
VENV        ?= .venv
TORCH_INDEX ?=
LAB_FLAGS   ?=
BROWSER     ?= yes

PY    := $(VENV)/bin/python
PIP   := $(PY) -m pip install --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
LESSONS = $(sort $(wildcard course/*.ipynb))

# One thread per process: the lessons' run times are stated for it, and small tensors are fastest that way.
# A plotting backend chosen in the caller's shell would keep figures out of the notebooks.
export OMP_NUM_THREADS ?= 1
unexport MPLBACKEND

.PHONY: course instructor test benchmark coverage notebooks clean

course: $(VENV)/course.stamp
	$(PY) -m mininnip lab $(LAB_FLAGS)

instructor: $(VENV)/course.stamp
	$(PY) -m mininnip lab --instructor $(LAB_FLAGS)

test: $(VENV)/test.stamp
ifeq ($(BROWSER),yes)
	@$(PY) -c "from mininnip.doctor import require_chromium; require_chromium()"
endif
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/basedpyright
	$(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile --nbval-lax --nbval-current-env tests $(LESSONS) \
	  --ignore=tests/browser
ifeq ($(BROWSER),yes)
	$(PY) -m pytest tests/browser
endif

benchmark: $(VENV)/test.stamp
	$(PY) -m pytest tests/benchmarks --benchmark-enable --benchmark-only
ifeq ($(BROWSER),yes)
	$(PY) -m pytest -s tests/browser/test_ticks.py --benchmark-enable
endif

# Which lines of the package the lessons run. The aim is 85 % when every part of it has its lesson; the kernels report.
coverage: $(VENV)/test.stamp
	$(PY) -m pytest --nbval-lax --nbval-current-env --cov=mininnip --cov-report=term:skip-covered \
	  -W ignore::coverage.exceptions.CoverageWarning $(LESSONS)

# Execute every lesson from top to bottom, keep its outputs, and write the measured run times into the README.
notebooks: $(VENV)/test.stamp
	$(PY) tests/execute_notebooks.py $(LESSONS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .benchmarks tests/browser/screenshots

# PyTorch comes first and alone: a package that asks for "torch" later finds this exact version and leaves it in place.
$(VENV)/course.stamp: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(not $(FITTING))" || { \
	  echo "mininnip needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is not. Name another: make course PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "'$(PYTHON)' cannot create environments. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Installing PyTorch, then about 130 small packages, into $(VENV): some minutes, this once."
	$(PIP) $(TORCH)
	$(PIP) --quiet --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/course.stamp
	$(PIP) --quiet --editable ".[test]"
	@touch $@

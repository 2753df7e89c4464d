# make course    set everything up and open the first lesson
# make test      prove the whole project
#
# Both create the environment .venv on their first call (some minutes, about 1 GB) and are quick from then on.
#
# make install   the first half of `make course`: the environment only
# make check     the quick half of `make test`: style, types, package tests
# make faults    the long form of the fault tests: thousands of bad calls, files and answers, with a table of each
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

PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip install --disable-pip-version-check
# Every package in the version and with the checksum of a lock (lock/, written by `make lock`), and nothing else.
LOCKED := $(PIP) --quiet --require-hashes --no-deps
TORCH  := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
LESSONS = $(sort $(wildcard course/*.ipynb))

# Browser tests, lessons and package tests share all cores: a browser waits while a kernel computes. tests/conftest.py
# says what stays together and what comes first.
PYTEST := $(PY) -m pytest -n logical --maxprocesses 4 --no-loadscope-reorder

# One thread per process: the lessons' run times are stated for it, and small tensors are fastest that way.
# A plotting backend chosen in the caller's shell would keep figures out of the notebooks.
export OMP_NUM_THREADS ?= 1
unexport MPLBACKEND

.PHONY: course instructor install check test style types package everything faults lock benchmark coverage notebooks clean

course: install
	@$(PY) -m mininnip lab $(LAB_FLAGS)

instructor: install
	@$(PY) -m mininnip lab --instructor $(LAB_FLAGS)

install: $(VENV)/course.stamp

check: $(VENV)/test.stamp
	@$(MAKE) --no-print-directory --jobs 2 --keep-going style types package

test: $(VENV)/test.stamp
ifeq ($(BROWSER),yes)
	@$(PY) -c "from mininnip.doctor import require_chromium; require_chromium()"
endif
	@$(MAKE) --no-print-directory --jobs 2 --keep-going style types everything

# The parts of `check` and `test`.
style:
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types:
	$(VENV)/bin/basedpyright --pythonpath $(PY)

package:
	$(PYTEST) tests --ignore=tests/browser

everything:
	$(PYTEST) --nbval-lax --nbval-current-env tests $(LESSONS) $(if $(filter yes,$(BROWSER)),,--ignore=tests/browser)

faults: $(VENV)/test.stamp
	$(PY) -m pytest -s --long --timeout=3600 tests/faults tests/exercises/test_nasty.py

# After a change of pyproject.toml: the version of every package that follows, for each Python and system, with checksums.
RESOLVE = $(VENV)/bin/uv --config-file lock/uv.toml pip compile --quiet
lock: $(VENV)/test.stamp
	$(RESOLVE) pyproject.toml --output-file lock/course.txt
	$(RESOLVE) pyproject.toml --extra test --constraints lock/course.txt --output-file lock/test.txt
	$(RESOLVE) lock/build.in --constraints lock/course.txt --output-file lock/build.txt

benchmark: $(VENV)/test.stamp
	$(PY) -m pytest tests/benchmarks --benchmark-enable --benchmark-only
ifeq ($(BROWSER),yes)
	$(PY) -m pytest -s tests/browser/test_ticks.py --benchmark-enable
endif

# Which lines of the package the lessons run. The aim is 85 % when every part of it has its lesson; the kernels report.
coverage: $(VENV)/test.stamp
	$(PY) -m pytest --nbval-lax --nbval-current-env --cov=mininnip --cov-report=term:skip-covered \
	  -W ignore::coverage.exceptions.CoverageWarning $(LESSONS)

# Execute every lesson from top to bottom, keep its outputs, write measured run times and memory into the README.
notebooks: $(VENV)/test.stamp
	$(PY) tests/execute_notebooks.py $(LESSONS)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .benchmarks tests/browser/screenshots

# PyTorch comes by itself, for its file differs by system and index; what it needs is in the lock. nglview comes as source:
# it is built with what lock/build.txt holds.
$(VENV)/course.stamp: pyproject.toml lock/build.txt lock/course.txt
	@test -w . || { \
	  echo "The folder $(CURDIR) cannot be written: copy the course into a folder of your own and start it there."; \
	  exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(not $(FITTING))" || { \
	  echo "mininnip needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is not. Name another: make course PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "'$(PYTHON)' cannot create environments. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Installing about 130 small packages, then PyTorch, into $(VENV): some minutes, this once."
	@$(LOCKED) -r lock/build.txt
	@$(LOCKED) --no-build-isolation -r lock/course.txt
	$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(TORCH)
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/course.stamp lock/test.txt
	@$(LOCKED) --no-build-isolation -r lock/test.txt
	@touch $@

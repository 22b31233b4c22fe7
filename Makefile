# Every habit is one word. `make` alone lists them.

PYTHON ?= python3
WORKERS ?= 2
STUDY ?= paper
SIDE_BY_SIDE ?= 11
SECONDS ?= 600
SEED ?= 0
HYBRID_KD_SHARED ?= ../shared
export HYBRID_KD_SHARED

bin := .venv/bin
installed := .venv/installed
scripts := .ci/run $(wildcard *.sh local/*.sh local/*/*.sh steps/kd/*.sh steps/kd/utils/*.sh)

.PHONY: help demo paper test test-machines check fuzz bench install clean

help:
	@echo 'make demo     from the embedded corpus to teacher, students, WERs and a report, without Kaldi or data (minutes)'
	@echo 'make paper    the study of conf/$$(STUDY).yaml (STUDY=paper, paper-an4) and its report'
	@echo 'make test     the tests, WORKERS=$(WORKERS) at a time'
	@echo 'make test-machines  the numerical tests as other machines run them: instruction sets, libraries, threads'
	@echo 'make check    ruff, mypy, import-linter, shellcheck'
	@echo 'make fuzz     damage the files of every reader for SECONDS=$(SECONDS), SEED=$(SEED)'
	@echo 'make bench    training and decoding speed beside the bare matrix products'
	@echo 'make install  .venv with the versions of constraints.txt (the others do it by themselves)'
	@echo 'make clean    remove .venv and caches'
	@echo 'The reference data are looked for in HYBRID_KD_SHARED=$(HYBRID_KD_SHARED).'

install: $(installed)

# torch comes first and alone, so that its version is settled before anything that depends on it.
$(installed): pyproject.toml constraints.txt setup.py
	$(PYTHON) -m venv .venv
	$(bin)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(bin)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,corpus]'
	@touch $@

demo: $(installed)
	./run.sh --corpus mini

# Continues; what stands in results/ is not done again.
paper: $(installed)
	$(bin)/hybrid-kd sweep --config conf/$(STUDY).yaml --jobs $(WORKERS) --side-by-side $(SIDE_BY_SIDE)
	$(bin)/hybrid-kd report --results results/$(STUDY).jsonl --out docs/$(STUDY)

# One thread a worker: the arrays of the tests are small.
test: $(installed)
	OMP_NUM_THREADS=1 $(bin)/python -m pytest -n $(WORKERS)

# MACHINES=... runs only those named; `python -m tests.machines --help` lists them.
test-machines: $(installed)
	$(bin)/python -m tests.machines --workers $(WORKERS) $(MACHINES)

check: $(installed)
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports
	$(bin)/shellcheck $(scripts)

# What ends otherwise than well or in a named error is kept, with the command that shows it again.
fuzz: $(installed)
	OMP_NUM_THREADS=1 $(bin)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

bench: $(installed)
	$(bin)/python -m benchmarks

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

# Every target sets up .venv from requirements.lock: minutes the first time, nothing after that.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help test test-fast lab lint types api reports results stage-comparison bench-data bench-detect lock clean

BIN := .venv/bin
READY := .venv/.ready
# None of these is taken from the environment: WSL has a NAME there, others a DATA_DIR.
PROFILE = laptop
DATASET = shopsim
DATA_DIR =
NAME =
PHOTOS =
MODEL =
STAGES_FOLDER = runs/stages
BENCH_FOLDER = runs/bench
BENCH_PHOTOS = 239557
# The first Python that fits; PYTHON=/path/to/python3.12 on the command line overrides it.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& echo "$$python" && break; done)

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## *' '{printf "  make %-10s %s\n", $$1, $$2}'

test: $(READY)  ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: $(READY)  ## the tests that need no TensorFlow
	@SHOPEE_OD_TESTS=fast $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

lab: $(READY)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab

lint: $(READY)  ## check style, and that notebooks carry no outputs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@find . -name '*.ipynb' -not -path './.*' -not -path './reports/*' -not -name '.*' -print0 | xargs -0 -r \
	$(BIN)/nbstripout --verify --extra-keys "metadata.papermill cell.metadata.papermill"

types: $(READY)  ## check the type annotations with mypy
	@$(BIN)/mypy

api: $(READY)  ## make the API reference from the docstrings: docs/api/index.html
	@$(BIN)/pdoc --docformat google --output-directory docs/api shopee_od $$($(BIN)/python -c \
	'import pkgutil, shopee_od as p; print(*(m.name for m in pkgutil.walk_packages(p.__path__, "shopee_od.")))')

# Named options only where they are given; an interrupted report is continued.
REPORT = --dataset $(DATASET) --profile $(PROFILE) --resume $(if $(DATA_DIR),--data-dir "$(DATA_DIR)") \
	$(if $(NAME),--name "$(NAME)") $(if $(PHOTOS),--photos "$(PHOTOS)")
reports: $(READY)  ## run the notebooks into HTML: make reports [DATASET=ccp DATA_DIR=FOLDER PROFILE=laptop NAME=… PHOTOS=FOLDER]
ifeq ($(DATASET)$(DATA_DIR),shopsim)
	@[ -f "$${SHOPEE_OD_DATA:-data}/shopsim/shopsim.json" ] || $(BIN)/shopee-od data make shopsim
endif
	@$(BIN)/shopee-od report $(REPORT)

stage-comparison: $(READY)  ## train and compare all stages (hours): make stage-comparison [DATA_DIR=FOLDER, with shopsim/ and ccp/]
	@$(BIN)/python -m tools.compare_stages "$(STAGES_FOLDER)" $(if $(DATA_DIR),--data "$(DATA_DIR)") \
	--out results/stage_comparison.json

results: $(READY)  ## render README's tables, the model card and docs/results.png from results/
	@$(BIN)/python -m tools.render_results

bench-data: $(READY)  ## measure reading, converting and feeding a data set of DeepFashion's full size
	@$(BIN)/python -m benchmarks.data --folder "$(BENCH_FOLDER)" --photos $(BENCH_PHOTOS)

bench-detect: $(READY)  ## measure a saved detector: make bench-detect MODEL=RUN/detector PHOTOS=FOLDER
	@$(BIN)/python -m benchmarks.detect --model "$(MODEL)" --photos "$(PHOTOS)"

lock:  ## update requirements.lock from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 2; }
	uv pip compile pyproject.toml --extra dev --extra tide --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" --quiet -o requirements.lock

clean:  ## remove .venv and caches; data, reports and runs stay
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis build docs/api *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An interrupted set-up left no stamp and starts again; a stamp older than the lock is brought up to date.
# pip takes hashes and -e in two calls only. The lock is complete, and leaves opencv-python out on purpose: --no-deps.
$(READY): requirements.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or 3.12 is needed and none was found." \
	"Install one (Debian, Ubuntu: sudo apt-get install python3.11 python3.11-venv), or name one: make PYTHON=/path/to/python3.12"; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	|| { echo "$(PYTHON) is not Python 3.11 or 3.12: make PYTHON=/path/to/python3.12"; exit 2; }
	@if [ -e $@ ]; then rm $@; else rm -rf .venv; fi
	@echo "Setting up .venv with $(PYTHON): minutes the first time"
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment." \
	"Debian, Ubuntu: sudo apt-get install python$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

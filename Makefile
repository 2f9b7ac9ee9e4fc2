# Each target sets up .venv when it is missing. Any of these can be set: make figures PROFILE=smoke PHOTOS=~/pictures
PROFILE = demo
PHOTOS = sample
BENCH =
EDIT =
NB = $(CURDIR)/.venv/bin/nbhelpers
SHELL = /bin/sh

# A Python 3.11, 3.12 or 3.13; PYTHON=/path/to/python names another.
PYTHONS = $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)
FITS = import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

figures: .venv/.installed ## execute the notebooks and write their figures and tables to figures/
	began=$$(date +%s); "$(NB)" run --profile "$(PROFILE)" --photos "$(PHOTOS)" $(if $(filter demo_sample,$(PROFILE)_$(PHOTOS)),&& \
	.venv/bin/python -m nbhelpers.bench.calibration "make figures" $$(($$(date +%s) - began)))

test: .venv/.installed ## run all tests
	.venv/bin/python -m pytest -q -n 2 --dist worksteal --calibrate

# A copy that was not touched is brought up to date; one that was stays, and the course's version with it is named.
# Of ipywidgets' FileUpload a file comes in one message; the server's own limit, 10 MiB, would end the connection.
lab: .venv/.installed ## open the notebooks in JupyterLab: copies in lab/ that are yours; EDIT=1 for the originals
	@[ -n "$(EDIT)" ] || { mkdir -p lab/.course && for file in notebooks/*.ipynb; do \
	name=$${file#notebooks/}; \
	if [ ! -e "lab/$$name" ] || cmp -s "lab/$$name" "lab/.course/$$name" || cmp -s "lab/$$name" "$$file"; then \
	cp "$$file" "lab/$$name" && cp "$$file" "lab/.course/$$name" || exit 1; \
	elif ! cmp -s "$$file" "lab/.course/$$name"; then \
	echo "lab/$$name is yours and stays; the course has a newer one: move yours away to get it" >&2; fi; done; }
	.venv/bin/jupyter lab --ServerApp.root_dir="$(CURDIR)" "$(if $(EDIT),notebooks,lab)/00_start_here.ipynb" \
	--ServerApp.tornado_settings="{'websocket_max_message_size': 1073741824}"

app: .venv/.installed ## open the explorer, a page to colorize photos by hand
	"$(NB)" app --photos "$(PHOTOS)"

notebooks: .venv/.installed ## execute the notebooks and write clean outputs back into them
	"$(NB)" run --profile demo --photos sample --update

site: .venv/.installed ## write notebooks, figures and tables as a static site to site/
	"$(NB)" site --out site

screenshots: .venv/.installed ## make the README's pictures of the explorer anew; needs Chromium
	NBHELPERS_SCREENSHOTS=1 .venv/bin/python -m pytest -q tests/browser -k readme

bench: .venv/.installed ## measure speed and memory; BENCH=NAME for one of them
	"$(NB)" bench $(BENCH)

clean: ## remove caches, build leftovers and executed copies; photos, figures and fitted models stay
	rm -rf build dist site *.egg-info data/runs/*/*.ipynb data/runs/*/scores data/cache .pytest_cache .ruff_cache .hypothesis
	find nbhelpers notebooks tests \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# The stamp comes last: an interrupted installation is taken up again. A .venv without a working pip is made anew.
.venv/.installed: pyproject.toml constraints.txt
	@rm -f $@; \
	.venv/bin/python -c 'import pip; $(FITS)' 2>/dev/null && exit; \
	for python in $(PYTHONS); do "$$python" -c '$(FITS)' 2>/dev/null && found=$$python && break; done; \
	[ -n "$$found" ] || { echo "nbhelpers needs Python 3.11, 3.12 or 3.13; install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }; \
	"$$found" -m venv --clear .venv || { echo "Python could not make .venv: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	.venv/bin/python -m pip install -q -c constraints.txt -e ".[test,app,cluster,heic]"
	@touch $@

.PHONY: help figures test lab app notebooks site screenshots bench clean

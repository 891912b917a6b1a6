# Two commands: `make demo` and `make test`. Both set up what they need, in .switchyard/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# A Python that was compiled without optimization, as pyenv does, takes a seventh more time than a distribution's own.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell python3 -c 'import sysconfig as s; exit("--enable-optimizations" not in (s.get_config_var("CONFIG_ARGS") or ""))' 2>/dev/null \
	&& echo python3 || { /usr/bin/python3 -c 'import ensurepip, sys; exit(sys.version_info < (3, 11))' 2>/dev/null && echo /usr/bin/python3 || echo python3; })
endif
STATE := .switchyard
BIN := $(STATE)/venv/bin
PY := $(BIN)/python

# Nothing here may see or use the caller's AWS account or Terraform settings, except for the two targets that run
# Terraform in the accounts of a fleet. To deploy a stack, run Terraform itself.
ifeq ($(filter fleet-plan fleet-apply,$(MAKECMDGOALS)),)
unexport $(filter AWS_% TF_VAR_% TF_CLI_ARGS%,$(.VARIABLES))
export AWS_ACCESS_KEY_ID := test
export AWS_SECRET_ACCESS_KEY := test
export AWS_REGION := eu-west-1
export AWS_DEFAULT_REGION := eu-west-1
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
export AWS_EC2_METADATA_DISABLED := true
endif
unexport TF_WORKSPACE TF_DATA_DIR VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
export CHECKPOINT_DISABLE := 1
# Bytecode is kept, in one place: compiling the libraries takes longer than running them.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(STATE)/pycache

TERRAFORM := TF_IN_AUTOMATION=1 TF_INPUT=0 TF_DATA_DIR=$(STATE)/terraform \
	TF_CLI_CONFIG_FILE=$(CURDIR)/$(STATE)/terraform.rc $(STATE)/bin/terraform
INIT := $(STATE)/terraform/init.done
FLEET = $(or $(FILE),$(error Name the file: make $@ FILE=fleet.yaml)) $(FLEET_ARGS)
# The part of a check that concerns CAPABILITIES: sets $$chosen, or refuses an unknown name.
CHOSEN = chosen=$$($(PY) -m tools.capabilities $@ $(CAPABILITIES))
export CAPABILITIES REPEAT PYTHON

.PHONY: help demo down calls test setup stack fleet fleet-plan fleet-apply deploy-policy new init lint package checkov plan-test examples aws-rules \
	unit browser local fresh fmt docs words \
	lock bench checkov-plan clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup  ## A tour: deploy to a local cloud, send real events, verify. CAPABILITIES="finding_export …", or all.
	@$(PY) -m local demo $(CAPABILITIES)

down:  ## Stop what make demo started.
	@if [ -x $(PY) ]; then $(PY) -m local down; else echo "Nothing is running: there is no $(PY)."; fi

calls: ## Every API call that reached the demo's cloud, with its principal.
	@$(PY) -m local calls

test: setup  ## Everything that CI runs; CAPABILITIES="finding_export …": only what concerns those, and style.
	@$(PY) -m tools.check $(CAPABILITIES)

setup:  ## Create .switchyard/: Python packages, Terraform, and the source of its providers.
	@$(PYTHON) tools/bootstrap.py

# `terraform init`, if what it reads has changed.
$(INIT): $(wildcard *.tf .terraform.lock.hcl $(STATE)/terraform.rc) $(shell find modules tests -name '*.tf' -o -name '*.tftest.hcl') | setup
	@mkdir -p $(@D); begun=$$(mktemp $@.XXXXXX); \
	$(TERRAFORM) init -backend=false -lockfile=readonly -no-color > $(STATE)/init.log 2>&1 \
		|| { rm $$begun; cat $(STATE)/init.log; echo "terraform init failed. $(STATE)/terraform.rc says where its providers come from."; exit 1; }; \
	mv $$begun $@

init: setup $(INIT)  ## Run `terraform init`, if what it reads has changed.

lint: setup  ## Style, types, formatting, and a root module and READMEs that match the modules.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(TERRAFORM) fmt -check -diff -recursive || { echo "Run: make fmt"; exit 1; }
	@$(PY) -m tools.root --check
	@$(PY) -m tools.docs --check
	@$(PY) -m fleet.schema --check
	@$(PY) -m tools.words

# These take CAPABILITIES too.
unit: setup  ## Unit tests. PYTEST_ARGS="-k …" to choose.
	@$(CHOSEN); $(PY) -m pytest $$chosen -n auto --dist loadfile $(PYTEST_ARGS)

plan-test: setup $(INIT)  ## terraform test: plans against a mocked provider. TEST_ARGS="-filter=tests/….tftest.hcl" (or a file of tests/refusals) to choose.
	@$(CHOSEN); $(PY) -m tools.terraform_test -no-color $$chosen $(TEST_ARGS)

examples: setup  ## Plan every HCL example of every README.
	@$(CHOSEN); $(PY) -m pytest tests/examples $(if $(CAPABILITIES),-k test_example_plans) $(PYTEST_ARGS)

aws-rules: setup $(INIT)  ## Hold planned values and documents against AWS's own rules: the smallest and the fullest settings.
	@$(CHOSEN); $(PY) -m tools.aws_rules $(CAPABILITIES)

stack: setup  ## A root of your own: DIR=../our-stack CAPABILITIES="finding_export …", SOURCE=git::https://…//?ref=v1.2.3 for a release.
	@test -n "$(DIR)" || { echo 'Name a folder: make stack DIR=../our-stack CAPABILITIES="finding_export kms_rotation"'; exit 1; }
	@$(PY) -m tools.stack "$(DIR)" --source "$(SOURCE)" $(CAPABILITIES)

fleet: setup  ## Roots for many accounts and Regions: FILE=fleet.yaml (see fleet/).
	@$(PYTHON) tools/bootstrap.py fleet
	@$(PY) -m fleet synth $(FLEET)

fleet-plan: setup  ## Plan every target of a fleet, with your AWS credentials: FILE=fleet.yaml.
	@$(PYTHON) tools/bootstrap.py fleet
	@$(PY) -m fleet plan $(FLEET)

fleet-apply: setup  ## Apply every target of a fleet, and destroy those that have left the file: FILE=fleet.yaml.
	@$(PYTHON) tools/bootstrap.py fleet
	@$(PY) -m fleet apply $(FLEET)

deploy-policy: setup  ## The IAM policies that a CI role needs to deploy CAPABILITIES: POLICY_ARGS="--name-prefix … --account-id … --region …".
	@$(PY) -m tools.deploy.policy $(POLICY_ARGS) $(CAPABILITIES)

package: setup  ## Build the zips and layers for AWS into build/.
	@$(CHOSEN); $(PY) -m tools.package $(CAPABILITIES) $(PACKAGE_ARGS)

browser: setup  ## Install Chromium for the tests of web pages, if apt-get is permitted; without it they are skipped.
	@if command -v chromedriver > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver > $(STATE)/browser.log 2>&1 \
			|| echo "Chromium could not be installed ($(STATE)/browser.log): the tests of web pages will be skipped."; \
	else echo "No chromedriver: the tests of web pages will be skipped. On Debian: sudo apt-get install chromium chromium-driver"; fi

local: setup $(INIT)  ## End to end on the local cloud: apply, no drift, events, effects, destroy. LANES=1: one stack; REPEAT=10: scenarios ten times.
	@$(CHOSEN); $(PY) -m tools.e2e $(PYTEST_ARGS)

checkov: setup  ## Checkov on the Terraform source.
	@$(CHOSEN); $(PYTHON) tools/bootstrap.py checkov
	@$(STATE)/checkov/bin/python tools/checkov/settings.py
	@$(CHOSEN); $(STATE)/checkov/bin/checkov $${chosen:--d .} $(CHECKOV_ARGS)

fresh: setup  ## What users run without make, in a fresh copy: terraform init, terraform test, checkov -d .
	@$(PYTHON) tools/bootstrap.py checkov
	@$(PY) -m tools.clone

checkov-plan: setup  ## Checkov on a plan: PLAN=plan.json, from `terraform show -json`.
	@$(PYTHON) tools/bootstrap.py checkov
	@test -n "$(PLAN)" || { echo "Name the plan: make checkov-plan PLAN=plan.json"; exit 1; }
	@$(STATE)/checkov/bin/checkov --file $(PLAN) --repo-root-for-plan-enrichment . --framework terraform_plan \
		--skip-download --compact --quiet $(CHECKOV_ARGS)

fmt: setup  ## Format Python and HCL.
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format
	@$(TERRAFORM) fmt -recursive

docs: setup  ## Write the root module's files, and the tables of inputs and outputs in the READMEs.
	@$(PY) -m tools.root
	@$(PY) -m tools.docs
	@$(PY) -m fleet.schema

words: setup  ## Refuse the words of docs/words.txt in prose. WORDS_ARGS=--count counts them, WORDS_ARGS=modules looks there.
	@$(PY) -m tools.words $(WORDS_ARGS)

new: setup  ## Add a capability: CAPABILITY=<domain>/<name> makes its files, wired and green.
	@$(PY) -m tools.new $(CAPABILITY)

# The headers stay, since Dependabot reads its options there.
lock: setup  ## Pin requirements/*.in again into *.txt.
	@for name in $(addprefix requirements/,dev layer runtime checkov fleet node) $$(ls requirements/layer-*.in lambda_src/*/*/kit/*/*.in 2>/dev/null | sed 's/\.in$$//'); do \
		(cd $$(dirname $$name) && env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_FIND_LINKS $(CURDIR)/$(BIN)/uv pip compile \
			$$(basename $$name).in --output-file $$(basename $$name).txt \
			--upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-config --quiet); \
	done

bench: setup  ## Measure throughput, API calls, memory, start times and sizes.
	@$(PY) -m bench $(BENCH_ARGS)

clean:  ## Stop the demo and remove everything that these targets created.
	@if [ -x $(PY) ] && [ -d $(STATE)/demo ]; then $(PY) -m local down || true; fi
	@rm -rf $(STATE) build

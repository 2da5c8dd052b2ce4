# make setup   what Debian 12 and the virtual environment need; quick when nothing is missing
# make demo    a directed and a general *87 pickup on a real node: their ladders and their record
# make demo-web   a node, calls that ring and wait, and the attendant's console, until Ctrl-C
# make test    setup, then every test but the long ones: short forms of make chaos first, then all others side by side
#              (ARGS="-k pickup" to choose, ARGS="-n 0" one after another)
# make lint    ruff, mypy, import-linter
# make bench          what a call and a pickup cost, beside a proxy that tracks nothing (ONLY=calls,rates,pickups,cycles,queue)
# make bench-pickup   delay from the picker's INVITE to the caller's, as JSON lines
# make bench-hidden   whether time tells a hidden account from one that is not there, as a JSON line
# make races          two things that happen to one call at once, 500 times each, as JSON lines (RUNS=50 fewer)
# make abuse          every way to take a foreign call that we know of, tried on a real node, as JSON lines
# make load           calls, digest calls or pickups at a rate, as JSON, CSV and a chart (RATE=50 DURATION=30
#                     KIND=calls|digest|pickups; TARGET=host:port USERS=FILE [DOMAIN= FROM=host:port] for a deployment)
# make soak           calls, pickups and queue callers for MINUTES=20 (RATE=: half of what a ramp finds): does anything grow?
# make fuzz           100,000 damaged messages while calls go on, as a JSON line (COUNT=3000 fewer, SEED=1 the same again)
# make chaos          every fault (store, network, node) under load, a JSON line each (ONLY=, RATE=300, SECONDS=5)
# make soak-queue     200 callers in one queue, without and with a picker, as JSON lines

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:

PACKAGES := kamailio kamailio-python3-modules kamailio-tls-modules kamailio-websocket-modules redis-server \
    sip-tester tshark rtpengine-daemon prometheus make python3-venv openssl iptables iproute2 chromium fonts-dejavu-core \
    podman runc mmdebstrap curl
# Kamailio's interpreter is Debian's: the virtual environment must be of the same one.
PYTHON := /usr/bin/python3
BIN := .venv/bin
STAMP := .venv/installed-for-pyproject
CHARTS := .venv/installed-for-charts
ARGS ?=
RUNS ?= 500
# Tests mostly wait: three processes for each of two cores. A file's tests share a node, so they stay together; files start in
# their order (e2e, kamailio, store, unit), the long ones first.
SIDE_BY_SIDE := -n 6 --dist loadfile --no-loadscope-reorder
# What says how soon the node is well again is played before them, or their load would be judged: two at a time, for each
# leaves most of a core alone.
BY_THEMSELVES := -n 2 --maxschedchunk 1
COUNT ?= 100000
SEED ?=
POLICY := /usr/sbin/policy-rc.d

.PHONY: help setup packages demo demo-web test lint format bench bench-pickup bench-hidden races abuse fuzz chaos load soak soak-queue

help:
	@sed -n 's/^# \( *\)\(make\|(ARGS\)/\1\2/p' Makefile

setup: packages $(STAMP)
	@echo "setup: ready, the command is $(BIN)/star87"

# Installing them must not start Debian's own kamailio, redis and rtpengine services: they would hold their ports.
packages:
	@missing=()
	for package in $(PACKAGES); do
	    state=$$(dpkg-query --show --showformat='$${db:Status-Status}' "$$package" 2>/dev/null || true)
	    [ "$$state" = installed ] || missing+=("$$package")
	done
	[ $${#missing[@]} -gt 0 ] || exit 0
	as_root=()
	[ "$$(id -u)" = 0 ] || as_root=(sudo)
	echo "setup: installing $${missing[*]}"
	if [ ! -e $(POLICY) ]; then
	    trap '"$${as_root[@]}" rm -f $(POLICY)' EXIT
	    printf '#!/bin/sh\nexit 101\n' | "$${as_root[@]}" tee $(POLICY) >/dev/null
	    "$${as_root[@]}" chmod 755 $(POLICY)
	fi
	log=$$(mktemp)
	{
	    "$${as_root[@]}" apt-get update -q &&
	    "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	        apt-get install -q -y --no-install-recommends "$${missing[@]}"
	} </dev/null >"$$log" 2>&1 || { cat "$$log" >&2; rm "$$log"; exit 1; }
	rm "$$log"

$(STAMP): pyproject.toml
	@if [ ! -x $(BIN)/python ]; then
	    echo "setup: making .venv"
	    $(PYTHON) -m venv .venv
	fi
	echo "setup: installing the project and its Python packages into .venv"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[cli,web,dev]'
	touch $@

demo: setup
	@$(BIN)/python -m tests.support.demo

demo-web: setup
	@exec $(BIN)/python -m tests.support.demo_web

# 5 is pytest's word for: nothing was chosen.
test: setup
	@chaos=0 others=0
	$(BIN)/pytest $(BY_THEMSELVES) -m chaos $(ARGS) || chaos=$$?
	$(BIN)/pytest $(SIDE_BY_SIDE) -m 'not chaos' $(ARGS) || others=$$?
	case $$chaos,$$others in
	    0,0|0,5|5,0) ;;
	    5,5) echo 'make test: ARGS chose no test' >&2; exit 5 ;;
	    *)
	        [[ $$chaos = [05] ]] || echo 'make test: of the short forms of make chaos (-m chaos) not all passed, see above' >&2
	        exit 1 ;;
	esac

lint: setup
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	@$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	@$(BIN)/python -m tests.load.bench $(if $(ONLY),--only "$(ONLY)") $(ARGS)

bench-pickup: setup
	@$(BIN)/python -m tests.load.bench_pickup

bench-hidden: setup
	@$(BIN)/python -m tests.load.bench_hidden

races: setup
	@RUNS="$(RUNS)" $(BIN)/python -m tests.load.races $(ARGS)

abuse: setup
	@$(BIN)/python -m tests.load.abuse $(ARGS)

$(CHARTS): $(STAMP)
	@echo "setup: installing what draws charts into .venv"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[load]'
	touch $@

load: setup $(CHARTS)
	@$(BIN)/python -m tests.load.load $(if $(TARGET),--target "$(TARGET)") $(if $(RATE),--rate "$(RATE)") \
	    $(if $(DURATION),--duration "$(DURATION)") $(if $(DOMAIN),--domain "$(DOMAIN)") $(if $(USERS),--users "$(USERS)") \
	    $(if $(KIND),--kind "$(KIND)") $(if $(FROM),--from "$(FROM)") $(if $(TALK),--talk "$(TALK)") $(ARGS)

soak: setup $(CHARTS)
	@$(BIN)/python -m tests.load.soak $(if $(MINUTES),--minutes "$(MINUTES)") $(if $(RATE),--rate "$(RATE)") $(ARGS)

fuzz: setup
	@COUNT="$(COUNT)" SEED="$(SEED)" $(BIN)/python -m tests.load.fuzz

chaos: setup
	@ONLY="$(ONLY)" RATE="$(RATE)" SECONDS="$(SECONDS)" $(BIN)/python -m tests.load.chaos

soak-queue: setup
	@$(BIN)/python -m tests.load.soak_queue

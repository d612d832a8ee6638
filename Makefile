# make play    set up, then play: livewave run (flags: make play ARGS="--audio file:take.wav")
# make test    set up, then run the tests (needs PyTorch; playing does not)
# make setup   the part both share
# make bench   measure this machine into tests/bench/bench.json and write the README's table from it
# make soak    how reliable it is here: about two and a half hours, nothing else running (a few minutes: make soak ARGS="--short")
# make examples   play the shipped instruments into training/examples
# make check   fail when generated text is stale

PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
SOURCES := pyproject.toml $(shell find . -path ./.venv -prune -o -path ./build -prune -o \
	\( -name CMakeLists.txt -o -name '*.cpp' -o -name '*.h' \) -print)

.PHONY: play test setup bench soak examples check clean

play: setup
	.venv/bin/livewave run $(ARGS)

setup: .venv/livewave-play

# What only computes is tested on all processors; what plays has the machine to itself.
COMPUTES := $(addprefix tests/,exporters hearing music onnxfile parity render takes training \
	test_carry_on.py test_command_line.py test_compare.py test_config.py test_config_mutants.py)

test: setup .venv/livewave-test check
ifdef ARGS
	$(PY) -m pytest $(ARGS)
else
	$(PY) -m pytest --numprocesses=auto --dist=loadfile $(COMPUTES); computed=$$?; \
	$(PY) -m pytest $(COMPUTES:%=--ignore=%) && exit $$computed
endif

bench: setup .venv/livewave-test
	$(PIP) --editable '.[bench]'
	$(PY) -m tests.bench.collect tests/bench/bench.json
	$(PY) -m tests.bench.table tests/bench/bench.json

soak: setup .venv/livewave-test
	$(PY) -m tests.soak.collect tests/soak/soak.json $(ARGS)
	$(PY) -m tests.soak.table tests/soak/soak.json

examples: setup .venv/livewave-test
	$(PY) -m training.examples training/examples

check: setup
	$(PY) -m tests.generated --check
	$(PY) -m patches.make --check
	$(PY) -m tests.bench.table tests/bench/bench.json --check
	$(PY) -m tests.soak.table tests/soak/soak.json --check

clean:
	rm -rf .venv build

.venv/livewave-play: $(SOURCES)
	PYTHON=$(PYTHON) .ci/system-packages play
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/livewave-test: $(SOURCES)
	PYTHON=$(PYTHON) .ci/system-packages test
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[test]'
	touch $@

# What people run here. Everything is installed, built and tried on this machine only; the network under test never leaves loopback.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PACKAGES := fetchmail tor obfs4proxy libssl-dev libsodium-dev libevent-dev libsqlite3-dev zlib1g-dev libzstd-dev libseccomp-dev libcurl4-openssl-dev libpq-dev postgresql pkg-config curl python3 python3-stem python3-cryptography python3-venv nyx qemu-system-x86 slirp4netns zstd libdevmapper1.02.1 faketime postfix python3-aiosmtpd openssl swaks msmtp libio-socket-ssl-perl
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# `make soak`: how many times as many seeds the seeded suites try, and how often each interop scenario runs.
TIMES ?= 10
ROUNDS ?= 3
# `make soak`: how long the mixed load lasts.
MINUTES ?= 120
# `make fuzz`: how long libFuzzer has for each parser, then how many seeds running motes get.
FUZZ_SECONDS ?= 600
SEEDS ?= 1000
# `make simulate`: which simulated network to show; several with commas between.
SEED ?= 0
TSAN := DUSTCLOUD_SANITIZE=1 TSAN_OPTIONS='suppressions=$(CURDIR)/Tests/tsan.supp history_size=4 halt_on_error=1 exitcode=66'

.PHONY: help deps peers build image image-lock test demo bench bench-tokens bench-mix bench-mail letters fuzz simulate tsan clouds soak clean

help: ## Say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 14

deps: ## Install the Debian packages that are missing
	@command -v swift >/dev/null || { echo 'Swift 6.3 is needed: https://www.swift.org/install/linux/debian/12/' >&2; exit 69; }
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing:" $$missing; \
		$(SUDO) apt-get update -qq; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || $(SUDO) apt-get update -qq

peers: deps ## Install the test peers (moto, clients of providers) from PyPI, in .build/peers, if they are missing
	@cmp -s Tests/Clouds/requirements.txt .build/peers/requirements.txt || { \
		echo 'installing the peers of tests from PyPI'; \
		/usr/bin/python3 -m venv --clear .build/peers \
		&& timeout 300 .build/peers/bin/pip install --quiet --no-compile --disable-pip-version-check --requirement Tests/Clouds/requirements.txt \
		&& cp Tests/Clouds/requirements.txt .build/peers/ \
		|| echo 'they cannot be had now: the test that needs them will be skipped' >&2; }
	@# It conflicts with Postfix, so it is not installed.
	@test -x .build/peers/opensmtpd/usr/sbin/smtpd || { mkdir -p .build/peers/packages && cd .build/peers/packages \
		&& timeout 120 apt-get download -qq -o APT::Sandbox::User=root opensmtpd >/dev/null && dpkg-deb -x opensmtpd_*.deb ../opensmtpd \
		|| echo 'OpenSMTPD cannot be had now: letters will not be brought to it' >&2; }

build: deps ## Build mote and dustcloud in release mode
	swift build -c release

image: build ## Make the mote image, a machine that only runs mote, in .build/images/mote-vm
	python3 Images/mote-vm/build.py

image-lock: deps ## Lock what apt offers now as what the mote image is made of
	python3 Images/mote-vm/build.py --new-lock

test: image peers ## Run every test, interop with stock tor included
	swift build --build-tests
	@# What failed is said again at the end, where it is seen.
	swift test --skip-build --disable-xctest 2>&1 | tee .build/tests.log || { grep -aE '✘|↳' .build/tests.log; exit 1; }

demo: build ## Bring a cloud up, use it while its motes rotate, and say what that proved
	python3 Tests/Demo/demo.py

bench-tokens: deps ## What the exchange's tokens cost on one core, beside the primitives they consist of, and a running mote's gate
	swift run -c release tokencost
	swift build -c release --product mote
	swift run -c release gateload

bench-mix: deps ## What a mote on the mix spends on a packet on one core, beside the primitives it consists of
	swift run -c release mixcost

bench-mail: deps ## Letters acknowledged per second, beside Postfix on the same disk
	swift build -c release --product postroom
	POSTROOM=.build/release/postroom python3 Tests/Mail/submission.py bench

letters: build ## 10,000 letters through five motes that are replaced twice (25 min), and how well letters hide from whoever sees every link
	python3 Tests/Mail/letters.py
	python3 Tests/Mail/letters.py --watched --rotations 0 --letters 100 --large 0 --medium 0 --seconds 150

bench: PACKAGES += valgrind
bench: build ## Compare with stock tor in every position: CPU, latency, circuits, memory, counts
	python3 Tests/Bench/bench.py

fuzz: build ## libFuzzer over every parser for FUZZ_SECONDS each, then seeded garbage at running motes
	python3 Tests/Fuzz/fuzz.py --seconds $(FUZZ_SECONDS)
	python3 Tests/Network/hostile.py --seeds $(SEEDS)

simulate: ## Show everything that happens in one simulated network (SEED=n)
	swift build --build-tests
	DUSTCLOUD_SIMULATE=$(SEED) swift test --skip-build --disable-xctest --filter SimulationTests/replay

tsan: deps ## The thread sanitizer over all that several loops and threads share: tests, then motes with two loops
	$(TSAN) swift build --build-tests --scratch-path .build_tsan --sanitize thread
	$(TSAN) swift test --skip-build --disable-xctest --scratch-path .build_tsan --sanitize thread \
		--filter 'LoopsTests|HandshakePoolTests|CellRingTests|MailboxTests|LinkedCircuitTests|ConfluxCrashTests|ServiceCircuit|DefenceTests'
	$(TSAN) MOTE=$(CURDIR)/.build_tsan/debug/mote python3 Tests/Network/loops.py two_loops

clouds: peers ## Compare what the EC2 driver signs with what botocore signs, 5,000 new requests each time
	.build/peers/bin/python Tests/Clouds/signatures.py 5000 $$RANDOM > .build/peers/signatures.json
	swift build --build-tests
	DUSTCLOUD_SIGNATURES=$(CURDIR)/.build/peers/signatures.json swift test --skip-build --disable-xctest --filter SignatureTests

soak: build ## The tests with many more seeds, interop several times in a row, then a mixed load for MINUTES
	swift build --build-tests
	DUSTCLOUD_SEEDS=$(TIMES) DUSTCLOUD_ROUNDS=$(ROUNDS) swift test --skip-build --disable-xctest
	python3 Tests/Network/soak.py --minutes $(MINUTES)

clean: ## Remove what was built
	swift package clean

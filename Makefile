# Everything a person or a machine does with this project. Each target installs
# what it needs; on a fresh Debian 12 a Rust toolchain is enough.
.PHONY: demo test replay lint bench fuzz accuracy churn ward year captures build install setup setup-test setup-lint
SHELL := /bin/bash
FUZZ_SECONDS ?= 20
PREFIX ?= /usr
BIN ?= target/release/auscult
CORPUS ?= pcaps/lab

build: setup
	cargo build --release

# Copies what `make build` made, for a package below DESTDIR; packaging/README.md says what
# else there is to do. What stands in /etc already is the site's and stays.
install:
	@test -x $(BIN) || { echo "$(BIN) is not there: make build"; exit 1; }
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/auscult
	set -o pipefail; $(BIN) --config /dev/null man \
		| install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/share/man/man1/auscult.1
	for unit in auscult auscult-alerts; do \
		sed 's|/usr/bin/|$(PREFIX)/bin/|' packaging/$$unit.service \
			| install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service \
			|| exit 1; \
	done
	for of in sysusers.d tmpfiles.d; do \
		install -D -m 644 packaging/$$of/auscult.conf $(DESTDIR)$(PREFIX)/lib/$$of/auscult.conf || exit 1; \
	done
	for pair in auscult.toml:auscult/auscult.toml auscult.default:default/auscult \
		logrotate.d/auscult:logrotate.d/auscult; do \
		to=$(DESTDIR)/etc/$${pair#*:}; \
		test -e $$to || install -D -m 644 packaging/$${pair%%:*} $$to || exit 1; \
	done

# A C compiler: SQLite and zstd are built from source. libpcap: for live capture.
setup:
	@command -v cargo >/dev/null || { echo "Rust is needed first: see README.md"; exit 1; }
	@command -v cc >/dev/null || .ci/install.sh gcc libc6-dev
	@echo 'int main(void) { return 0; }' | cc -x c - -lpcap -o /dev/null 2>/dev/null || .ci/install.sh libpcap-dev

# Reads the hospital capture and shows the imaging devices with their evidence.
demo: build
	@.ci/demo.sh

test: setup setup-test
	cargo test --lib --bins --tests
	cargo test --doc

# Live capture is tested between network namespaces (as root; skipped otherwise).
setup-test:
	@command -v ip >/dev/null || .ci/install.sh iproute2

# Hostile input without a fuzzer, past findings among it; part of `test`.
replay: setup
	cargo test --test robust

lint: setup setup-lint
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --all-targets -- -D warnings
	cargo check --quiet --locked --manifest-path fuzz/Cargo.toml --no-default-features --target-dir target
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet
	cargo run --quiet -- signatures check
	cargo deny --log-level error check licenses bans sources

setup-lint:
	@command -v cargo-deny >/dev/null || cargo install --quiet --locked cargo-deny

# make bench TRACES=DIR measures `auscult read` on the captures of DIR as well.
bench: setup
	cargo bench
	$(if $(TRACES),.ci/bench.sh $(TRACES))

# Every fuzz target for FUZZ_SECONDS.
fuzz: setup
	fuzz/run.sh $(FUZZ_SECONDS)

# make accuracy CORPUS=DIR scores the register against captures with known truth, and
# against a small hospital whose addresses change hands.
accuracy: setup
	mkdir -p target/churn/small/truth
	cargo run --quiet --release --example churn -- target/churn/small/churn.pcap target/churn/small/truth/churn.json
	cargo run --quiet --release --example accuracy -- $(CORPUS) target/churn/small

# The same for a university hospital in a week: some minutes, 3 GB of disk.
churn: setup
	mkdir -p target/churn/large/truth
	cargo run --quiet --release --example churn -- --devices 50000 --vlans 4094 --days 7 \
		target/churn/large/churn.pcap target/churn/large/truth/churn.json
	cargo run --quiet --release --example accuracy -- target/churn/large

# A day and a quarter of a hospital whose every minute is known, against what is counted.
# The quarter goes through a pipe and takes some minutes.
ward: setup
	mkdir -p target/ward
	echo 'time_zone = "Asia/Tokyo"' > target/ward/site.toml
	cargo build --quiet --release --bin auscult --example ward
	set -eo pipefail; cd target/ward; for days in 1 91; do \
		rm -f $$days.db*; \
		../release/examples/ward make --days $$days - $$days.json \
			| ../release/auscult --config site.toml --db $$days.db read -q -; \
		../release/examples/ward score $$days.json $$days.db; \
	done

# A year of 20,000 devices in an inventory: its size, and how long every view takes. Of one
# that is there already: YEAR=--look.
year: setup
	cargo build --quiet --release
	cargo run --quiet --release --example year -- $(YEAR) target/year.db

# Makes the lab captures again (root; installs the software that talks in them).
captures:
	pcaps/lab/build.sh

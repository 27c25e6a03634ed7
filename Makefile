# `make demo` and `make test` do all the set-up by themselves. Both build the same things with the same
# profile and features, so that the second one starts from what the first one built.

.PHONY: setup build demo test lint bench audit

# What this machine lacks: targets of Rust, Debian packages.
setup:
	@.ci/setup

build: setup
	cargo build --locked --workspace --lib --bins --tests

# A real SSH session, asked through HTTP.
demo: build
	examples/demo.sh

# Most tests wait for servers most of the time.
threads := $(shell echo $$(($$(nproc) * 2)))

test: build
	cargo test --locked --workspace -- --test-threads=$(threads)
	cargo test --locked --manifest-path plugins/Cargo.toml
	cargo test --locked --manifest-path examples/Cargo.toml

lint: setup
	cargo fmt --all --check
	cargo fmt --all --check --manifest-path plugins/Cargo.toml
	cargo fmt --all --check --manifest-path examples/Cargo.toml
	cargo fmt --all --check --manifest-path tests/guests/Cargo.toml
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --manifest-path plugins/Cargo.toml --all-targets -- -D warnings
	cargo clippy --locked --manifest-path examples/Cargo.toml --all-targets -- -D warnings
	cargo clippy --locked --manifest-path tests/guests/Cargo.toml --target wasm32-unknown-unknown --lib --examples -- -D warnings
	cargo clippy --locked --manifest-path tests/guests/Cargo.toml --target wasm32-wasip2 --package wasi -- -D warnings
	command -v cargo-deny >/dev/null || cargo install --locked --debug cargo-deny
	cargo deny --locked check bans licenses sources

# What a job costs in the plugin host; then jobs per second beside paramiko, asyncssh and bare russh, with a
# connection for each and with one for all; then what very many jobs at once do; then files beside scp, sftp, paramiko
# and asyncssh. Then what it costs that no job is lost, and what plugins in Python and JavaScript cost.
bench: setup
	cargo bench --locked --workspace --bench plugins
	cargo bench --locked --workspace --bench ssh_jobs
	cargo bench --locked --workspace --bench commands
	cargo bench --locked --workspace --bench files
	cargo bench --locked --workspace --bench jobs
	cargo bench --locked --workspace --bench languages

# Known vulnerabilities of dependencies; fetches the list of them.
audit:
	command -v cargo-deny >/dev/null || cargo install --locked --debug cargo-deny
	cargo deny --locked check advisories

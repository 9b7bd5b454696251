# Short targets; long jobs say so and show progress.
GO ?= go
SHELL = bash
FUZZTIME ?= 60s
TARGETS = linux/amd64 linux/arm64 linux/386 darwin/arm64 darwin/amd64 windows/amd64 linux/riscv64 js/wasm

.PHONY: test vet purego race qemu qemu-amd64 386 kernels exhaustive fuzz trials certify bench cover lint ppl profile

test: ## everything a change must pass
	$(GO) test ./...

vet: ## all targets compile and vet
	@for t in $(TARGETS); do echo vet $$t; GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; done

purego: ## without assembly
	$(GO) test -count=1 -tags purego ./...

race: ## race detector, on the pure-Go kernels
	$(GO) test -race -short ./...

qemu: ## arm64 under user-mode emulation, needs qemu-user-static
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -short -exec qemu-aarch64-static ./asm ./quant ./fp8 ./attention

qemu-amd64: ## amd64 CPUs with AVX2 and no more, and without AVX, under user-mode emulation; qemu reads masked lanes, so guard pages are left to hardware
	set -o pipefail; QATTN_TIER=avx2 $(GO) test -short -count=1 -exec 'qemu-x86_64-static -cpu Haswell' -run 'Require|Select|Trials|InPlace|Dec16' ./asm 2>&1 | grep -v "TCG doesn't support"
	set -o pipefail; QATTN_TIER=avx2 $(GO) test -short -count=1 -exec 'qemu-x86_64-static -cpu Haswell' -run 'Require|Workers|Truncate|Certificate|Grid' ./asm ./attention 2>&1 | grep -v "TCG doesn't support"
	set -o pipefail; QATTN_TIER=generic $(GO) test -short -count=1 -exec 'qemu-x86_64-static -cpu Nehalem' -run 'Require|Select|Trials' ./asm 2>&1 | grep -v "TCG doesn't support"

386: ## 32-bit, run by an amd64 kernel itself: qemu-i386 7.2 breaks Go's signal handlers
	GOARCH=386 CGO_ENABLED=0 $(GO) test -short ./asm ./quant ./fp8 ./attention

exhaustive: ## all 2^32 float32 inputs of every FP8 encoder and of exp2; about an hour
	QATTN_EXHAUSTIVE=1 $(GO) test -count=1 -timeout 4h -v -run 'Exhaustive|Exp2$$' ./fp8 ./asm

fuzz: ## every fuzz target for FUZZTIME each
	@for p in ./fuzz ./fp8 ./asm; do for t in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
		echo $$p $$t; $(GO) test $$p -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) || exit 1; done; done

trials: ## a hundred million random kernel executions; ten minutes on two idle cores
	QATTN_TRIALS=100000000 $(GO) test -count=1 -timeout 4h -v -run TestTrials ./asm

certify: ## ten million rows against their error certificates
	QATTN_EXHAUSTIVE=1 $(GO) test -count=1 -timeout 4h -v -run CertifiedRows ./fuzz

bench: ## kernels and whole calls
	$(GO) test -run '^$$' -bench . ./asm ./attention

cover: ## statement coverage per package
	$(GO) test -cover ./asm ./quant ./fp8 ./attention ./reference

lint: ## formatting and go.mod
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...

kernels: ## what is written from the kernel tables and contracts: asm/KERNELS.md, the recorder's calls, entries of kernels
	printf 'package asm\n\nfunc (*Recorder) intercept() {}\n' > asm/recorder_calls.go
	printf '//go:build !purego\n\npackage asm\n\nvar (\n\tentryNames [0]string\n\tentries [0]uintptr\n)\n' > asm/entries_amd64.go
	printf '//go:build !purego\n' > asm/entries_amd64.s
	QATTN_UPDATE=1 $(GO) test -count=1 -vet=off -run 'TestKernelsDoc|TestRecorderCalls' ./asm

ppl: ## perplexity of the built-in model for every pair of formats, under 5 minutes
	$(GO) run ./examples/story -ppl

profile: ## CPU profile of decoding and prefill, stage by stage
	$(GO) test -run '^$$' -bench 'Decode|Prefill' -cpuprofile /tmp/qattn.prof -o /tmp/qattn.test ./attention
	$(GO) tool pprof -top -nodecount 25 /tmp/qattn.test /tmp/qattn.prof

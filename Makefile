# make          builds ./systape
# make demo     records a real workload where it may, and shows what can be done with it
# make test     runs all tests; SYSTAPE_KERNEL_TESTS=1 (root, Linux) also those that record
# make bench    measures the recorder, the files and the analysis (the recorder: root, Linux)
# make lint     gofmt, go vet for every platform, staticcheck
# make generate makes the generated files anew: needs clang 14 and llvm-strip for the BPF objects
# make check    generates and compares
# make cross    builds for every platform
# make sample   records the sample captures of testdata anew (root, Linux)

export CGO_ENABLED = 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PLATFORMS = linux/amd64 linux/arm64 darwin/arm64 windows/amd64
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GENERATED = bpf format/abi replay/render/decode
PYTHON = $(shell command -v python3)

.PHONY: build demo test bench lint generate check cross sample clean

build:
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o systape ./cmd/systape

demo: build
	sh testdata/demo.sh ./systape

test: .venv/ready
	go test -timeout 30m ./...

bench:
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./capture
	go test -run '^$$' -bench . -timeout 60m ./format ./replay/...

lint:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "run gofmt -w on: $$files"; exit 1; }
	for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./... || exit 1; done
	go run $(STATICCHECK) ./...

generate:
	go generate ./...

check: generate
	@git diff --exit-code --stat -- $(GENERATED) || { echo 'generated files differ: run "make generate" with clang 14 (Debian 12) and commit'; exit 1; }

cross:
	for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} go build -trimpath -o dist/systape-$${p%/*}-$${p#*/} ./cmd/systape || exit 1; done

sample: build
	sh testdata/sample.sh ./systape

# The readers that captures are tested against, in a folder of the project's own.
.venv/ready: testdata/requirements.txt
	@if [ -z "$(PYTHON)" ]; then echo 'no python3: the tests with pyarrow, Polars and DuckDB are skipped'; else \
	$(PYTHON) -m venv .venv && .venv/bin/pip install --quiet -r testdata/requirements.txt && touch $@; fi

clean:
	rm -rf systape dist .venv

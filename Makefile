# make          builds ./systape
# make demo     records a real workload where it may, and shows what can be done with it
# make test     runs all tests that this machine can, and says which it cannot;
#               SYSTAPE_KERNEL_TESTS=1 (root, Linux) also those that record
# make race     runs the tests of the packages with goroutines under the race detector (needs a C compiler)
# make fuzz     runs all fuzz targets, FUZZ_SECONDS in all
# make faults   damages captures, spools, bundles and tables in FAULTS ways, and says how that ended
# make test-kernels records on other kernels, booted in qemu (Debian; takes long)
# make soak     records 300,000 events a second in parts for MINUTES (30): memory and descriptors stay flat (root, Linux)
# make bench    measures the program against its bars, beside the peers that are installed
#               (root, Linux, python3) and BASE=older-systape if given
# make microbench measures the recorder's, the files' and the analysis' steps one by one
# make lint     gofmt, go mod tidy, go vet for every platform, staticcheck
# make generate makes the generated files anew: needs clang 14 and llvm-strip for the BPF objects
# make web      builds the page that report shows, from web (needs Node.js 20 and npm)
# make check    generates and compares, the page too
# make cross    builds for every platform, the tests too
# make dist     makes what is given away: archives, deb, rpm, with manual pages and completions, in dist/
# make test-dist installs these in folders of their own and tries them (Debian, root)
# make wheel    builds the wheels of the Python package, each with the program for one platform
# make sample   records the sample captures of testdata anew (root, Linux)

export CGO_ENABLED = 0
# git refuses to look into a clone that belongs to somebody else, and go build to
# stamp what git will not tell.
GIT = git -c safe.directory="$(CURDIR)"
VERSION ?= $(shell $(GIT) describe --tags --always --dirty 2>/dev/null || echo dev)
ifneq ($(shell git rev-parse HEAD >/dev/null 2>&1 && echo stamped),stamped)
export GOFLAGS += -buildvcs=false
endif
BUILD = go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
DIST = dist
PLATFORMS = linux/amd64 linux/arm64 darwin/arm64 windows/amd64
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GENERATED = bpf format/abi replay/render/decode cmd/systape/internal/page/bundle
# The packages that start goroutines, or hand what they make to others.
RACE = ./bpf ./capture ./cmd/systape ./format/... ./replay/pace
# What damages a file byte by byte, or kills at every step, starts nothing new with each, and takes
# minutes; what others do, Spark, Python and the browser's keys, is not looked at.
RACE_SKIP = ^TestEvery|^TestKilledAtEvery|^TestRecoverNeverMakesRowsUp$$|^TestSpark$$|^TestNotebooks$$|^TestPythonPackage$$|^TestPageByKeyboard$$|^TestThemes
FUZZ_SECONDS = 60
FAULTS = 100000
MINUTES = 30

.PHONY: build demo test race fuzz faults soak readers test-kernels bench microbench lint generate web check binaries cross man completions dist test-dist wheel sample clean

build:
	$(BUILD) -o systape ./cmd/systape

demo: build
	sh testdata/demo.sh ./systape

test: .venv/ready
	@sh testdata/missing.sh
	go test -timeout 30m ./...

race:
	@command -v cc >/dev/null || { echo 'the race detector needs a C compiler: apt-get install gcc libc6-dev'; exit 1; }
	CGO_ENABLED=1 go test -race -short -skip '$(RACE_SKIP)' -timeout 30m $(RACE)
	CGO_ENABLED=1 go test -race -run 'OnePass|AheadEnds' ./replay

fuzz:
	sh testdata/fuzz.sh $(FUZZ_SECONDS)

faults:
	SYSTAPE_FAULTS=$(FAULTS) go test -count=1 -timeout 120m -v -run '^TestFaults$$' ./cmd/systape

test-kernels:
	.ci/kernels $(KERNELS)

soak:
	SYSTAPE_KERNEL_TESTS=1 SYSTAPE_SOAK=$(MINUTES) go test -count=1 -timeout $$(( $(MINUTES) * 2 + 30 ))m -run '^TestRecord$$/^soak$$' -v ./cmd/systape

bench: build
	python3 testdata/bench.py ./systape "$(BASE)"

microbench:
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./capture
	go test -run '^$$' -bench . -timeout 60m ./format ./replay/...
	go test -run '^$$' -bench Workers -timeout 60m ./cmd/systape

lint:
	@files=$$(gofmt -l .); test -z "$$files" || { echo "run gofmt -w on: $$files"; exit 1; }
	go mod tidy -diff
	for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./... || exit 1; done
	go run $(STATICCHECK) ./...

generate:
	go generate ./...

web: web/node_modules/.package-lock.json
	cd web && npm run --silent types && npm run --silent build

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --ignore-scripts

check: generate web
	@git diff --exit-code --stat -- $(GENERATED) || { echo 'generated files differ: run "make generate web" with clang 14 (Debian 12) and commit'; exit 1; }

binaries:
	for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} $(BUILD) -o $(DIST)/systape-$${p%/*}-$${p#*/} ./cmd/systape || exit 1; done

cross: binaries
	for p in $(PLATFORMS); do GOOS=$${p%/*} GOARCH=$${p#*/} go test -run '^$$' -exec true ./... || exit 1; done

man:
	SYSTAPE_MAN_DIR=$(abspath $(DIST))/man/man1 go test -count=1 -run '^TestManPages$$' ./cmd/systape

completions: build
	mkdir -p $(DIST)/completions
	./systape completion bash >$(DIST)/completions/systape.bash
	./systape completion zsh >$(DIST)/completions/_systape
	./systape completion fish >$(DIST)/completions/systape.fish

dist: binaries man completions
	packaging/dist.sh $(DIST) $(VERSION) $(PLATFORMS)

test-dist: dist
	packaging/test.sh $(DIST) $(VERSION)

wheel: .venv/ready
	python/wheel.sh $(CURDIR)/.venv/bin/python $(CURDIR)/dist

sample: build
	sh testdata/sample.sh ./systape

# The readers that captures are tested against, in a folder of the project's own.
readers: .venv/ready

.venv/ready: testdata/requirements.txt
	@sh testdata/readers.sh

clean:
	rm -rf systape dist .venv web/node_modules

package floor

//go:generate go tool bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -output-stem floor floor floor.bpf.c -- -mcpu=v3 -Wall -Wno-unused-variable

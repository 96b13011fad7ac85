package bpf

// The objects are built with clang 14 of Debian 12; `make check` builds them
// again and compares. Two variants of the recorder: with and without BTF.
//
//go:generate go tool bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -output-stem with_btf -type record -type control -type exec_payload -type call_payload -type refusal -type count_key -type count_value -type fork_payload -type rename_payload -type end_payload -type place_payload -type gap_payload -type text -type text_flag -type text_rule -type text_kind -type record_kind -type record_abi -type event_class -type filter -type target -type writer_rule -type layout withBTF systape.bpf.c -- -mcpu=v3 -Wall -Wno-unused-variable -DWITH_BTF
//go:generate go tool bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -output-stem without_btf withoutBTF systape.bpf.c -- -mcpu=v3 -Wall -Wno-unused-variable
//go:generate go tool bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -output-stem discover discover discover.bpf.c -- -mcpu=v3 -Wall
//go:generate go tool bpf2go -cc clang -strip llvm-strip -target amd64,arm64 -output-stem trial trial trial.bpf.c -- -mcpu=v3 -Wall

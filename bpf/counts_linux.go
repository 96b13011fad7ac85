package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// Refusals are calls that were not recorded since the beginning, by the
// filter that refused them.
type Refusals struct {
	Process uint64 // of another process
	Call    uint64 // another call
	User    uint64
	Comm    uint64
	Cgroup  uint64
	Sample  uint64 // not drawn
	Outcome uint64 // did not fail, or did not last
	Half    uint64 // returned without an enter that was asked about
}

// Share is what part of the calls is drawn, of ShareAll.
type Share uint64

// ShareAll is the share of every call.
const ShareAll Share = 1 << 32

// SetShare has that part of the calls recorded from now on, each drawn by
// itself at its enter. It takes effect within the time that a store needs to
// reach another CPU. Only with [Config.Sample].
func (k *Kernel) SetShare(s Share) error {
	if err := k.collection.Variables["sample_share"].Set(uint64(s)); err != nil {
		return fmt.Errorf("set the share of calls to record: %w", err)
	}
	return nil
}

// Refused returns what the filters have refused.
func (k *Kernel) Refused() (r Refusals, err error) {
	for why, n := range map[withBTFRefusal]*uint64{
		withBTFRefusalREFUSED_PROCESS: &r.Process, withBTFRefusalREFUSED_CALL: &r.Call, withBTFRefusalREFUSED_USER: &r.User,
		withBTFRefusalREFUSED_COMM: &r.Comm, withBTFRefusalREFUSED_CGROUP: &r.Cgroup, withBTFRefusalREFUSED_SAMPLE: &r.Sample,
		withBTFRefusalREFUSED_OUTCOME: &r.Outcome, withBTFRefusalREFUSED_HALF: &r.Half,
	} {
		var perCPU []uint64
		if err := k.collection.Maps["refusals"].Lookup(uint32(why), &perCPU); err != nil {
			return r, fmt.Errorf("read what the filters refused: %w", err)
		}
		for _, c := range perCPU {
			*n += c
		}
	}
	return r, nil
}

// Counts calls f with every count there is. Calls that return meanwhile may be
// in it or not.
func (k *Kernel) Counts(f func(CountKey, Count)) error {
	var key withBTFCountKey
	var perCPU []Count
	all := k.collection.Maps["counts"].Iterate()
	for all.Next(&key, &perCPU) {
		f(CountKey{key.Tgid, key.Nr, RecordABI(key.Abi)}, sum(perCPU))
	}
	if err := all.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return fmt.Errorf("read the counts of calls: %w", err)
	}
	others := k.collection.Maps["other_counts"]
	for i := range uint32(2*TableSize + 1) {
		if err := others.Lookup(i, &perCPU); err != nil {
			return fmt.Errorf("read the counts of calls: %w", err)
		}
		if c := sum(perCPU); c.Calls > 0 {
			key := CountKey{Nr: int32(i) % int32(TableSize), ABI: ABINative + RecordABI(i)/RecordABI(TableSize)}
			if i == uint32(2*TableSize) {
				key = CountKey{Nr: -1, ABI: ABINative}
			}
			f(key, c)
		}
	}
	return nil
}

// ForgetCount makes room for other processes. The process must have ended.
func (k *Kernel) ForgetCount(key CountKey) {
	k.collection.Maps["counts"].Delete(withBTFCountKey{Tgid: key.Tgid, Nr: key.Nr, Abi: uint32(key.ABI)})
}

func sum(perCPU []Count) (c Count) {
	for _, one := range perCPU {
		c.Calls += one.Calls
		c.Errors += one.Errors
		c.Total += one.Total
	}
	return c
}

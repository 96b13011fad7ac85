// Package floor is what the recorder's cost is measured against: probes that
// do nothing, and probes that only put records of the recorder's sizes into a
// BPF ring buffer. Benchmarks load it, and 'systape doctor'.
package floor

package bpf

// CountKey is whose calls a [Count] counts: of one process, ABI and number;
// with Tgid 0 of all processes that have no count of their own for it.
type CountKey struct {
	Tgid uint32
	Nr   int32 // -1 with Tgid 0: of numbers that no table has
	ABI  RecordABI
}

// Count is how many calls returned since the beginning, how many of them an
// error, and how long they took together, whether they were recorded or not.
type Count = withBTFCountValue

package columnar

// Values is the rows of one column, in the one form that its owner has them.
// At most one of the slices is set. Writers take Values in runs, so that no
// row is copied on its way.
type Values struct {
	Int64   []int64
	Int32   []int32
	Float64 []float64
	Bools   []bool
	Strings []string
	IDs     []uint32 // text as positions in List
	List    []string
	Codes   []byte // text as positions in Words, of which there are few
	Words   *Words

	// Keys, if there are any, are the rows: each is the position of a row's value
	// among the others here, and in none is one that is not there.
	Keys []int16
}

// Len returns the number of rows.
func (v *Values) Len() int {
	if v.Keys != nil {
		return len(v.Keys)
	}
	return v.Entries()
}

// Entries returns the number of values, which are the rows unless there are Keys.
func (v *Values) Entries() int {
	return len(v.Int64) + len(v.Int32) + len(v.Float64) + len(v.Bools) + len(v.Strings) + len(v.IDs) + len(v.Codes)
}

// Run returns rows from…to.
func (v *Values) Run(from, to int) Values {
	if v.Keys != nil {
		w := *v
		w.Keys = v.Keys[from:to]
		return w
	}
	return Values{
		Int64: run(v.Int64, from, to), Int32: run(v.Int32, from, to), Float64: run(v.Float64, from, to), Bools: run(v.Bools, from, to),
		Strings: run(v.Strings, from, to), IDs: run(v.IDs, from, to), List: v.List, Codes: run(v.Codes, from, to), Words: v.Words,
	}
}

func run[T any](s []T, from, to int) []T {
	if s == nil {
		return nil
	}
	return s[from:to]
}

// Drop removes the first n rows and keeps the memory.
func (v *Values) Drop(n int) {
	v.Int64, v.Int32, v.Float64, v.Bools = drop(v.Int64, n), drop(v.Int32, n), drop(v.Float64, n), drop(v.Bools, n)
	v.Strings, v.IDs, v.Codes = drop(v.Strings, n), drop(v.IDs, n), drop(v.Codes, n)
}

func drop[T any](s []T, n int) []T {
	if s == nil {
		return nil
	}
	return s[:copy(s, s[n:])]
}

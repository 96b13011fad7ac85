// Package columnar is what files made of columns have in common: what a column
// is, the rows of one as numbers or text, and a writer that loses no error. It
// knows nothing of Parquet, of Arrow or of system calls.
package columnar

// Type is the type of a column in a file. There are no unsigned types and no
// nulls: what arrow v17 and other readers do with those differs.
type Type uint8

// The types, with their Parquet form.
const (
	Int64       Type = iota // INT64
	Int32                   // INT32
	Float64                 // DOUBLE
	String                  // BYTE_ARRAY, UTF8
	TimestampUS             // INT64, TIMESTAMP(MICROS, UTC)
	Bool                    // BOOLEAN
	NumTypes
)

var typeNames = [NumTypes]string{"int64", "int32", "float64", "utf8", "timestamp[us, UTC]", "bool"}

// String returns the name that FORMAT.md uses, such as "int64".
func (t Type) String() string {
	if t < NumTypes {
		return typeNames[t]
	}
	return "unknown"
}

// Column describes one column of a table.
type Column struct {
	Name   string
	Type   Type
	Delta  bool // DELTA_BINARY_PACKED instead of a dictionary; 64-bit integers only, because arrow v17 miswrites 32-bit deltas
	NoDict bool // values as they are; for columns whose values hardly repeat
	Stats  bool // minimum and maximum of each row group, for readers that skip; integers and text only
	Sorted bool // rows are in the ascending order of this column, and of the next that is Sorted where this one is the same
}

// Pair is one entry of a file's key-value metadata.
type Pair struct{ Key, Value string }

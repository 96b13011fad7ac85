package latency

// Limits on the paths that calls are grouped by.
const (
	maxPaths     = 1 << 18
	maxPathBytes = 32 << 20
)

// OtherPaths stands for the paths beyond those that there is memory for.
const OtherPaths = "(other paths)"

// pathTable numbers paths from 1; 0 is the empty one.
type pathTable struct {
	numbers map[string]uint32
	texts   []string
	bytes   int
}

func newPathTable() *pathTable {
	return &pathTable{numbers: map[string]uint32{"": 0, OtherPaths: 1}, texts: []string{"", OtherPaths}}
}

func (t *pathTable) number(path string) uint32 {
	if n, ok := t.numbers[path]; ok {
		return n
	}
	if len(t.texts) == maxPaths || t.bytes+len(path) > maxPathBytes {
		return t.numbers[OtherPaths]
	}
	n := uint32(len(t.texts))
	t.numbers[path] = n
	t.texts = append(t.texts, path)
	t.bytes += len(path)
	return n
}

package page

// The data of a page, as Go writes it and the page reads it. web/src/contract.ts
// is made of these types, see the test. Times are nanoseconds since OriginNS,
// durations nanoseconds: both fit into the 53 bits that JavaScript counts in.
// Names of the capture are as they are shown everywhere, escaped.

// Version is that of the contract; a page refuses the data of another.
const Version = 1

// Page is all that a page shows.
type Page struct {
	Version int      `json:"version"`
	Head    Head     `json:"head"`
	Calls   Calls    `json:"calls"`
	Losses  []Loss   `json:"losses"`
	Slowest []Slow   `json:"slowest"`  // slowest first
	LeftOut []string `json:"left_out"` // sentences
	Live    bool     `json:"live"`     // there is a server behind the page, that tells more
	Sides   int      `json:"sides"`    // 2: the server has two captures to compare
	Reading Reading  `json:"reading"`
	Pending bool     `json:"pending"` // slowest and the verdict come later: a server tells them as Rest
	// Sequences are those of all calls, and of the threads with the most calls;
	// with a server behind the page it is asked for them.
	Sequences *Sequences        `json:"sequences"`
	Threads   []ThreadSequences `json:"threads"`
}

// ThreadSequences are those of one thread.
type ThreadSequences struct {
	TID       int32     `json:"tid"`
	Sequences Sequences `json:"sequences"`
}

// Sequences says what follows upon what.
type Sequences struct {
	N        int        `json:"n"` // calls in a sequence
	Calls    int64      `json:"calls"`
	Windows  int64      `json:"windows"`
	Distinct int        `json:"distinct"`
	Facts    []string   `json:"facts"` // sentences
	Top      []Sequence `json:"top"`   // the most frequent first
	Rare     []Sequence `json:"rare"`  // the rarest first, without those of Top
	Graph    Graph      `json:"graph"`
}

// Sequence is one sequence of calls.
type Sequence struct {
	Calls   []string `json:"calls"`
	Text    string   `json:"text"` // with what repeats folded
	Count   int64    `json:"count"`
	Share   float64  `json:"share"`
	FirstNS int64    `json:"first_ns"` // when its last call began, the first time
	PID     int32    `json:"pid"`
	TID     int32    `json:"tid"`
}

// Graph is a directly-follows graph, laid out in px.
type Graph struct {
	Width   float64     `json:"width"`
	Height  float64     `json:"height"`
	Nodes   []GraphNode `json:"nodes"`
	Edges   []GraphEdge `json:"edges"` // the rarest first
	LeftOut string      `json:"left_out"`
}

// GraphNode is a call, or the start or the end of the sequences.
type GraphNode struct {
	Name    string  `json:"name"`
	Count   int64   `json:"count"`
	Figures string  `json:"figures"`
	Time    string  `json:"time"`
	Mark    bool    `json:"mark"` // start or end
	X       float64 `json:"x"`
	Y       float64 `json:"y"`
	W       float64 `json:"w"`
	H       float64 `json:"h"`
}

// GraphEdge says how often one node followed upon another.
type GraphEdge struct {
	From   int     `json:"from"`
	To     int     `json:"to"`
	Count  int64   `json:"count"`
	P      float64 `json:"p"`
	Label  string  `json:"label"`
	Path   string  `json:"path"` // as SVG has it
	Stroke float64 `json:"stroke"`
	Back   bool    `json:"back"` // it runs upwards
	X      float64 `json:"x"`    // of the label
	Y      float64 `json:"y"`
}

// Reading says how far a server has come with the capture; Of is 0 when it is
// done, and -1 when it is not known how much there is.
type Reading struct {
	Rows      int64 `json:"rows"`
	Of        int64 `json:"of"`
	Following bool  `json:"following"` // it is a recording that goes on, and can be asked about
}

// Rest is what a server tells after the first whole page.
type Rest struct {
	Pending bool   `json:"pending"` // there is more to come
	Head    Head   `json:"head"`
	Slowest []Slow `json:"slowest"`
}

// Single is what a server tells of single calls.
type Single struct {
	Calls []Slow `json:"calls"`
	More  int64  `json:"more"` // calls that were asked for and are not among them
}

// Comparison is what a server tells of how its two captures differ.
type Comparison struct {
	Differences []Difference `json:"differences"` // the verdict; none: they do not differ
	OneSided    []Difference `json:"one_sided"`   // facts that are too rare for a verdict
	Text        string       `json:"text"`        // all of systape compare
}

// Difference is one thing that differs.
type Difference struct {
	Kind  string   `json:"kind"`
	Text  string   `json:"text"`
	Calls []string `json:"calls"` // that it is about; none: all
}

// Head says what the capture is and how far it can be trusted.
type Head struct {
	Title      string   `json:"title"`
	Files      []string `json:"files"`
	Command    string   `json:"command"` // FILE… as a shell takes it
	Filters    string   `json:"filters"` // of the command line, likewise: the page is of these calls only
	Facts      []Fact   `json:"facts"`
	OriginNS   string   `json:"origin_ns"` // capture time of 0, a whole number
	OriginWall string   `json:"origin_wall"`
	LengthNS   int64    `json:"length_ns"`
	Coverage   string   `json:"coverage"`
	Share      float64  `json:"share"` // of all calls, that were measured from end to end
	LostEvents int64    `json:"lost_events"`
	Complete   bool     `json:"complete"`
	Timed      bool     `json:"timed"`
	Verify     Verify   `json:"verify"`
	Notes      []string `json:"notes"`
}

// Fact is one line of the head.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Verify is the verdict of systape verify.
type Verify struct {
	State string `json:"state"` // holds, fails, "not checked"
	Text  string `json:"text"`
	Fails []Fact `json:"fails"` // rules, and what they found
}

// Calls are cells of time × latency for each group, see index.Subset.
type Calls struct {
	FromNS  int64             `json:"from_ns"`
	TileNS  int64             `json:"tile_ns"`
	Tiles   int               `json:"tiles"`
	Shift   uint              `json:"shift"` // 1<<shift buckets are one
	Count   int64             `json:"count"`
	Cells   int               `json:"cells"`
	Threads int               `json:"threads"` // that are told apart
	Others  int               `json:"others"`  // that are not
	Names   []string          `json:"names"`
	Classes map[string]string `json:"classes"` // of the calls that occur, by name: with blanks around each
	Groups  Groups            `json:"groups"`
	Packed  string            `json:"packed"` // the cells: varints, deflated, in base64
}

// Groups are the groups, column by column; names are indexes into Calls.Names.
type Groups struct {
	Syscall   []int   `json:"syscall"`
	Comm      []int   `json:"comm"`
	Container []int   `json:"container"`
	Errno     []int   `json:"errno"`
	PID       []int32 `json:"pid"` // 0: other threads
	TID       []int32 `json:"tid"`
	Open      []int   `json:"open"`  // 1: the durations are lower bounds
	Waits     []int   `json:"waits"` // 1: the call waits by nature
}

// Loss is a stretch of time in which events were lost.
type Loss struct {
	FromNS int64 `json:"from_ns"`
	ToNS   int64 `json:"to_ns"`
	Events int64 `json:"events"`
}

// Slow is a slow call with its neighbours on its thread.
type Slow struct {
	StartNS    int64  `json:"start_ns"`
	DurNS      int64  `json:"dur_ns"`
	LowerBound bool   `json:"lower_bound"`
	PID        int32  `json:"pid"`
	TID        int32  `json:"tid"`
	Comm       string `json:"comm"`
	Container  string `json:"container"`
	Syscall    string `json:"syscall"`
	Errno      string `json:"errno"`
	Waits      bool   `json:"waits"`
	Text       string `json:"text"`  // with arguments and result
	About      string `json:"about"` // the path or the socket, where known
	Before     []Near `json:"before"`
	After      []Near `json:"after"`
	LostEvents int64  `json:"lost_events"` // while it ran
}

// Near is a call before or after a slow one.
type Near struct {
	StartNS int64  `json:"start_ns"`
	DurNS   int64  `json:"dur_ns"`
	Text    string `json:"text"`
}

package format

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"systape/format/internal/parquet"
)

// State is the outcome of a rule.
type State uint8

// The outcomes.
const (
	NotChecked State = iota // what it is about could not be read
	Holds
	Fails
)

var stateWords = [...]string{"not checked", "ok", "fails"}

// String returns "ok", "fails" or "not checked".
func (s State) String() string { return stateWords[min(int(s), len(stateWords)-1)] }

// Finding is the outcome of one rule. Its JSON is {"rule", "ok", "checked",
// "detail"}; a rule that was not checked is not ok.
type Finding struct {
	Rule   string // such as "R7"; FORMAT.md tells what it demands
	State  State
	Detail string // what was checked, the first places where it does not hold, or why it was not checked
}

type findingJSON struct {
	Rule    string `json:"rule"`
	OK      bool   `json:"ok"`
	Checked bool   `json:"checked"`
	Detail  string `json:"detail"`
}

// MarshalJSON implements json.Marshaler.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(findingJSON{f.Rule, f.State == Holds, f.State != NotChecked, f.Detail})
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Finding) UnmarshalJSON(b []byte) error {
	var j findingJSON
	err := json.Unmarshal(b, &j)
	*f = Finding{Rule: j.Rule, Detail: j.Detail}
	switch {
	case j.OK:
		f.State = Holds
	case j.Checked:
		f.State = Fails
	}
	return err
}

// Report is the outcome of a verification.
type Report struct {
	Rules []Finding // R1 to R12
	Meta  *Meta     // nil if it could not be read
	Rows  int64     // that could be read
}

// OK reports whether no rule fails.
func (r *Report) OK() bool {
	for _, f := range r.Rules {
		if f.State == Fails {
			return false
		}
	}
	return true
}

// Damaged reports whether data could not be read: what is then missing is not
// known to anything that goes by rows.
func (r *Report) Damaged() bool {
	for _, f := range r.Rules {
		if f.State == Fails && (f.Rule == RuleFile.String() || f.Rule == RuleData.String()) {
			return true
		}
	}
	return false
}

// demands is what each rule demands, in a few words.
var demands = [numRules]string{
	RuleFile: "the files are whole", RuleMeta: "the metadata can be read", RuleTable: "the table has its columns", RuleData: "all data can be read",
	RuleRows: "row counts agree", RuleSeq: "seq has no holes", RuleTime: "ts_ns never goes back", RuleStats: "statistics are true",
	RuleKinds: "rows are as their kind demands", RuleText: "text is UTF-8", RuleParts: "the parts belong together", RuleComplete: "the recording ended properly",
}

// placesTold is how many places are told for each rule.
const placesTold = 3

// verifier collects what is wrong, a few places for each rule.
type verifier struct {
	outcome [numRules]struct {
		failed  int
		places  []string
		skip    string // why it was not checked everywhere
		good    string // more about a rule that holds
		instead string // by what other way it holds
	}
	rows int64
}

func (v *verifier) fail(rule Rule, format string, args ...any) {
	o := &v.outcome[rule]
	if o.failed++; o.failed <= placesTold {
		o.places = append(o.places, fmt.Sprintf(format, args...))
	}
}

// broken takes in an error by the rule that it carries.
func (v *verifier) broken(err error) {
	rule := RuleData
	switch c, ok := errors.AsType[*CorruptError](err); {
	case ok && c.Rule != 0:
		rule = c.Rule
	case errors.Is(err, ErrIncomplete):
		rule = RuleComplete
	}
	v.fail(rule, "%s", OneLine(err))
}

// skip says that the rules could not be checked everywhere.
func (v *verifier) skip(why string, rules ...Rule) {
	for _, r := range rules {
		if o := &v.outcome[r]; o.skip == "" {
			o.skip = why
		}
	}
}

// ofRows are the rules about values of rows.
var ofRows = []Rule{RuleRows, RuleSeq, RuleTime, RuleStats, RuleKinds, RuleText}

// Verify checks the files of a capture against the numbered rules of
// FORMAT.md. It goes on after a finding, and after damage: with the next
// column, the next row group, the next message that is whole. What it says
// about values shares no code with the checks of the [Reader]. Of the options
// it takes Symbols, Warn and Stdin. Err is about files that cannot be opened
// at all, or ctx.
func Verify(ctx context.Context, paths []string, opt ReadOptions) (*Report, error) {
	if opt.Symbols == nil {
		opt.Symbols = NewSymbolTable()
	}
	v := new(verifier)
	warn := opt.Warn
	opt.Warn = func(err error) {
		if errors.Is(err, ErrIncomplete) {
			v.fail(RuleParts, "%s", OneLine(err))
		} else if warn != nil {
			warn(err)
		}
	}
	unreadable := 0
	parts, err := openParts(paths, &opt, func(err error) bool {
		if _, ok := errors.AsType[*CorruptError](err); !ok && !errors.Is(err, ErrIncomplete) {
			return false
		}
		unreadable++
		v.broken(err)
		v.skip("a file could not be opened", append(ofRows, RuleMeta, RuleTable, RuleData, RuleParts, RuleComplete)...)
		return true
	})
	if err != nil {
		return nil, err
	}
	v.outcome[RuleFile].good = fmt.Sprintf("%d of %d", len(parts), len(parts)+unreadable)
	if len(parts) == 0 {
		return v.report(nil), nil
	}
	defer func() {
		for _, p := range parts {
			p.close()
		}
	}()
	rows := &rowCheck{v: v, gaps: selected(parts)}
	for i, p := range parts {
		v.checkMeta(p)
		v.checkTable(p)
		rows.row = 0
		if first := p.meta.Part.FirstSeq; i > 0 && rows.known && rows.breaks(first) && (first < rows.seq || parts[i-1].meta.Recovered == "") {
			v.fail(RuleSeq, "%s: begins with seq %d after %d", p.name, p.meta.Part.FirstSeq, rows.seq)
		}
		rows.seq, rows.known = p.meta.Part.FirstSeq-1, true
		if err := v.checkData(ctx, p, opt.Symbols, rows); err != nil {
			return nil, err
		}
		v.checkPart(p, i == len(parts)-1) // a spool's end knows whether it is the last
	}
	v.checkEnd(parts)
	if rows.gaps {
		v.outcome[RuleSeq].good = "it rises, and a selection may leave rows out"
	}
	v.outcome[RuleRows].good = fmt.Sprintf("%d rows", v.rows)
	return v.report(mergeMeta(parts)), nil
}

// report turns what was found into findings, one for each rule.
func (v *verifier) report(m *Meta) *Report {
	rep := &Report{Meta: m, Rows: v.rows}
	for rule := RuleFile; rule < numRules; rule++ {
		o := &v.outcome[rule]
		f := Finding{Rule: rule.String(), State: Holds, Detail: demands[rule]}
		switch {
		case o.failed > 0:
			f.State, f.Detail = Fails, strings.Join(o.places, "; ")
			if more := o.failed - len(o.places); more > 0 {
				f.Detail += fmt.Sprintf("; and %d more", more)
			}
		case o.skip != "":
			f.State, f.Detail = NotChecked, demands[rule]+": not checked: "+o.skip
		case o.instead != "":
			f.Detail = o.instead
		case o.good != "":
			f.Detail += ": " + o.good
		}
		rep.Rules = append(rep.Rules, f)
	}
	return rep
}

func (v *verifier) checkMeta(p *part) {
	m := p.meta
	if len(m.CaptureID) != 32 || strings.Trim(m.CaptureID, "0123456789abcdef") != "" {
		v.fail(RuleMeta, "%s: capture id %q is not 32 hex digits", p.name, m.CaptureID)
	}
	if m.Tool == "" {
		v.fail(RuleMeta, "%s: no tool", p.name)
	}
	if err := p.headDamage(); err != nil {
		v.fail(RuleFile, "%s: %s", p.name, OneLine(err))
	}
	if m.Counts != nil {
		for i, c := range m.Counts.PerCPU {
			if min(c.Enters, c.Exits, c.Lifecycle, c.LostEnters, c.LostExits, c.LostLifecycle) < 0 {
				v.fail(RuleMeta, "%s: CPU %d has negative counts", p.name, c.CPU)
			}
			if i > 0 && c.CPU <= m.Counts.PerCPU[i-1].CPU {
				v.fail(RuleMeta, "%s: counts are not in the order of CPUs", p.name)
			}
		}
	}
}

// checkTable checks the columns of a Parquet file; a spool with others could
// not have been opened.
func (v *verifier) checkTable(p *part) {
	if p.pq == nil {
		return
	}
	table, leaves := columnsOf(p.meta.Version), p.pq.foot.Schema[1:]
	if !p.pq.ours() {
		for pos := range table {
			if _, _, err := p.pq.leaf(pos); err != nil {
				v.broken(err)
			}
		}
		v.outcome[RuleTable].good = "in the form of another program"
		return
	}
	for i, c := range table {
		if i >= len(leaves) {
			v.fail(RuleTable, "%s: column %s is missing", p.name, c.Name)
			continue
		}
		n, want := leaves[i], parquet.PhysicalType(c.Type)
		if n.Name != c.Name || n.Type != want || n.Repetition != parquet.Required || n.Unit != 0 {
			v.fail(RuleTable, "%s: column %d is %s, physical type %d, repetition %d, unit %d ns; want %s, %d, required, no timestamp", p.name, i, n.Name, n.Type, n.Repetition, n.Unit, c.Name, want)
		}
	}
	if len(leaves) > len(table) {
		v.fail(RuleTable, "%s: %d columns, the table has %d", p.name, len(leaves), len(table))
	}
}

func (v *verifier) checkPart(p *part, last bool) {
	n := p.meta.Part
	if p.meta.Selection != nil {
		v.skip("a selection", RuleParts)
		return
	}
	if n.Number < 1 {
		v.fail(RuleParts, "%s: part number %d", p.name, n.Number)
	}
	if n.Number == 1 && n.FirstSeq != 0 && p.meta.Flight == nil {
		v.fail(RuleParts, "%s: the first part begins with seq %d", p.name, n.FirstSeq)
	}
	if n.Last && !last {
		v.fail(RuleParts, "%s: says it is the last part", p.name)
	}
}

// checkEnd judges how the recording ended.
func (v *verifier) checkEnd(parts []*part) {
	last := parts[len(parts)-1]
	switch m := last.meta; {
	case v.outcome[RuleComplete].failed > 0 || v.outcome[RuleComplete].skip != "":
	case m.Selection != nil:
		v.skip("a selection by "+m.Selection.By, RuleComplete)
	case mergeMeta(parts).Recovered != "":
		v.outcome[RuleComplete].instead = "the capture says that it is not complete: " + mergeMeta(parts).Recovered
	case !m.Complete:
		v.fail(RuleComplete, "%s: the recorder did not end properly", last.name)
	case m.Part.Rotation && !m.Part.Last:
		v.outcome[RuleComplete].good = fmt.Sprintf("this part did, and the recording went on in part %d", m.Part.Number+1)
	case m.Part.Number != 0 && !m.Part.Last:
		v.fail(RuleComplete, "%s: part %d is not the last of the recording", last.name, m.Part.Number)
	}
}

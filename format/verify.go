package format

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"systape/format/abi"

	"systape/format/internal/parquet"
)

// Finding is the outcome of one rule.
type Finding struct {
	Rule   string `json:"rule"` // such as "R7"; FORMAT.md tells what it demands
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was checked, or the first places where it does not hold
}

// Report is the outcome of a verification.
type Report struct {
	Rules []Finding
	Meta  *Meta // nil if it could not be read
	Rows  int64
}

// OK reports whether every rule holds.
func (r *Report) OK() bool {
	for _, f := range r.Rules {
		if !f.OK {
			return false
		}
	}
	return true
}

// The rules of format version 1, by their numbers in FORMAT.md.
const (
	ruleFile     = iota // R1
	ruleMeta            // R2
	ruleTable           // R3
	ruleData            // R4
	ruleRows            // R5
	ruleSeq             // R6
	ruleTime            // R7
	ruleStats           // R8
	ruleKinds           // R9
	ruleText            // R10
	ruleParts           // R11
	ruleComplete        // R12
	numRules
)

// verifier collects what is wrong, a few places for each rule.
type verifier struct {
	failed [numRules]int
	first  [numRules][]string
	good   [numRules]string
	rows   int64
}

const placesTold = 3

func (v *verifier) fail(rule int, format string, args ...any) {
	if v.failed[rule]++; v.failed[rule] <= placesTold {
		v.first[rule] = append(v.first[rule], fmt.Sprintf(format, args...))
	}
}

// Verify checks the files of a capture against the numbered rules of
// FORMAT.md. It goes on after the first finding where it can. Each batch is
// given to each, if that is not nil, so that others can check what the rows
// mean; batches are valid until it returns, and an error from it ends the
// verification. The rules on values share no code with the [Reader], which
// only delivers the rows. Err is about files that cannot be opened at all.
func Verify(paths []string, opt ReadOptions, each func(*Batch) error) (*Report, error) {
	opt.Columns, opt.From, opt.To = AllColumns, 0, 0
	if opt.Symbols == nil {
		opt.Symbols = NewSymbolTable()
	}
	warn := opt.Warn
	v := new(verifier)
	opt.Warn = func(err error) {
		if errors.Is(err, ErrIncomplete) {
			v.fail(ruleParts, "%v", err)
		} else if warn != nil {
			warn(err)
		}
	}
	parts, err := openParts(paths, &opt)
	if err != nil {
		if _, ok := errors.AsType[*CorruptError](err); !ok && !errors.Is(err, ErrIncomplete) {
			return nil, err
		}
		v.fail(ruleFile, "%v", err)
		return v.report(nil), nil
	}
	r := newReader(parts, opt)
	defer r.Close()
	for _, p := range parts {
		v.checkMeta(p)
		v.checkTable(p)
	}
	v.checkParts(parts)
	stats := newStatsCheck(parts)
	var b Batch
	var last rowState
	for {
		err := r.Next(&b)
		if err != nil {
			v.ended(err, r.Meta())
			break
		}
		v.checkRows(&b, &last)
		v.checkText(&b)
		stats.batch(v, &b)
		v.rows += int64(b.N)
		if each != nil {
			if err := each(&b); err != nil {
				return nil, err
			}
		}
	}
	stats.end(v)
	v.good[ruleFile] = fmt.Sprintf("%d of %d", len(parts), len(parts))
	return v.report(r.Meta()), nil
}

// ended judges how reading ended.
func (v *verifier) ended(err error, m *Meta) {
	c, corrupt := errors.AsType[*CorruptError](err)
	switch {
	case err == io.EOF:
	case errors.Is(err, ErrIncomplete) && m != nil && m.Recovered != "":
		v.good[ruleComplete] = "it did not, " + m.Recovered
	case errors.Is(err, ErrIncomplete):
		v.fail(ruleComplete, "%v", err)
	case corrupt && c.Column == "seq" && c.Row >= 0:
		v.fail(ruleSeq, "%v", err)
	case corrupt && c.Column == "ts_ns" && strings.Contains(c.Err.Error(), " after "):
		v.fail(ruleTime, "%v", err)
	default:
		v.fail(ruleData, "%v", err)
	}
}

// report turns what was found into findings, one for each rule.
func (v *verifier) report(m *Meta) *Report {
	v.good[ruleRows] = fmt.Sprintf("%d rows", v.rows)
	names := [numRules]string{"the files are whole", "the metadata can be read", "the table has its columns", "all data can be read",
		"row counts agree", "seq has no holes", "ts_ns never goes back", "statistics are true", "rows are as their kind demands",
		"text is UTF-8", "the parts belong together", "the recording ended properly"}
	rep := &Report{Meta: m, Rows: v.rows}
	for i, name := range names {
		f := Finding{Rule: fmt.Sprintf("R%d", i+1), OK: v.failed[i] == 0, Detail: name}
		if v.good[i] != "" {
			f.Detail += ": " + v.good[i]
		}
		if !f.OK {
			f.Detail = strings.Join(v.first[i], "; ")
			if more := v.failed[i] - len(v.first[i]); more > 0 {
				f.Detail += fmt.Sprintf("; and %d more", more)
			}
		}
		rep.Rules = append(rep.Rules, f)
	}
	return rep
}

func (v *verifier) checkMeta(p *part) {
	m := p.meta
	if len(m.CaptureID) != 32 || strings.Trim(m.CaptureID, "0123456789abcdef") != "" {
		v.fail(ruleMeta, "%s: capture id %q is not 32 hex digits", p.name, m.CaptureID)
	}
	if m.Tool == "" {
		v.fail(ruleMeta, "%s: no tool", p.name)
	}
	if p.pq != nil {
		if m.Part.Rows != p.pq.foot.Rows {
			v.fail(ruleRows, "%s: %d rows, the metadata says %d", p.name, p.pq.foot.Rows, m.Part.Rows)
		}
		if _, _, err := readHead(p.pq.file, p.size); err != nil && err != errNoHead {
			v.fail(ruleFile, "%s: %v", p.name, err)
		}
	}
	if m.Counts != nil {
		for i, c := range m.Counts.PerCPU {
			if min(c.Enters, c.Exits, c.Lifecycle, c.LostEnters, c.LostExits, c.LostLifecycle) < 0 {
				v.fail(ruleMeta, "%s: CPU %d has negative counts", p.name, c.CPU)
			}
			if i > 0 && c.CPU <= m.Counts.PerCPU[i-1].CPU {
				v.fail(ruleMeta, "%s: counts are not in the order of CPUs", p.name)
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
	for i, c := range columns {
		if c.since > p.meta.Version {
			continue
		}
		if i+1 >= len(p.pq.foot.Schema) {
			v.fail(ruleTable, "%s: column %s is missing", p.name, c.Name)
			continue
		}
		n := p.pq.foot.Schema[i+1]
		want := parquet.PhysicalType(c.Type)
		if n.Name != c.Name || n.Type != want || n.Repetition != parquet.Required {
			v.fail(ruleTable, "%s: column %d is %s, physical type %d, repetition %d; want %s, %d, required", p.name, i, n.Name, n.Type, n.Repetition, c.Name, want)
		}
	}
	if n := len(p.pq.foot.Schema) - 1; n > len(columns) {
		v.fail(ruleTable, "%s: %d columns, the table has %d", p.name, n, len(columns))
	}
}

func (v *verifier) checkParts(parts []*part) {
	for i, p := range parts {
		if n := p.meta.Part.Number; n < 1 {
			v.fail(ruleParts, "%s: part number %d", p.name, n)
		}
		if p.meta.Part.Number == 1 && p.meta.Part.FirstSeq != 0 {
			v.fail(ruleParts, "%s: the first part begins with seq %d", p.name, p.meta.Part.FirstSeq)
		}
		if p.meta.Part.Last && i < len(parts)-1 {
			v.fail(ruleParts, "%s: says it is the last part", p.name)
		}
	}
}

// rowState is what the rules on rows remember of the row before.
type rowState struct {
	any     bool
	seq, ts int64
}

// checkRows checks the rules on rows. It reads the columns itself and trusts
// nothing that the reader has checked.
func (v *verifier) checkRows(b *Batch, last *rowState) {
	for i := range b.N {
		seq, ts := b.Seq[i], b.TS[i]
		if last.any {
			if seq != last.seq+1 {
				v.fail(ruleSeq, "row %d: seq %d after %d", v.rows+int64(i), seq, last.seq)
			}
			if ts < last.ts {
				v.fail(ruleTime, "row %d: ts_ns %d after %d", v.rows+int64(i), ts, last.ts)
			}
		}
		*last = rowState{true, seq, ts}
		if what := kindFault(b, i); what != "" {
			v.fail(ruleKinds, "seq %d (%v): %s", seq, b.Kind[i], what)
		}
	}
}

// kindFault says what row i has that its kind does not allow.
func kindFault(b *Batch, i int) string {
	kind := b.Kind[i]
	switch {
	case int(b.ABI[i]) >= len(abi.All()):
		return "unknown ABI"
	case kind.call() == (b.Syscall[i] == 0):
		return fmt.Sprintf("syscall %q", b.Symbols.String(b.Syscall[i]))
	case !kind.call() && b.Nr[i] != -1:
		return fmt.Sprintf("nr %d", b.Nr[i])
	case kind != Exit && b.Ret[i] != 0:
		return fmt.Sprintf("ret %d", b.Ret[i])
	case !kind.nobodys() && (b.PID[i] < 0 || b.TID[i] < 0):
		return fmt.Sprintf("pid %d, tid %d", b.PID[i], b.TID[i])
	}
	arg := func(k int) int64 { return b.Args[k][i] }
	used := 0 // arguments that the kind uses
	switch kind {
	case Enter:
		used = 6
	case Lost:
		used = 6
		switch {
		case arg(LostCount) < 0 || arg(LostEnters) < 0 || arg(LostExits) < 0:
			return "negative counts"
		case arg(LostEnters) > arg(LostCount)-arg(LostExits):
			return fmt.Sprintf("%d enters and %d exits among %d", arg(LostEnters), arg(LostExits), arg(LostCount))
		case arg(LostLast) < arg(LostFirst):
			return fmt.Sprintf("from %d to %d", arg(LostFirst), arg(LostLast))
		}
	case Fork:
		used = 2
		if arg(ForkPID) <= 0 || arg(ForkTID) <= 0 {
			return fmt.Sprintf("child %d/%d", arg(ForkPID), arg(ForkTID))
		}
	case Exec:
		used = 1
	case ThreadEnd:
		used = 2
		if g := arg(EndGroup); g < -1 || g > 1 {
			return fmt.Sprintf("group end %d", g)
		}
	case Mark:
		used = 3
		switch {
		case arg(MarkWhat) < int64(EntersStopped):
			return fmt.Sprintf("mark %d", arg(MarkWhat))
		case arg(MarkWhat) == int64(ThreadLost):
			if b.TID[i] == 0 {
				return "no thread"
			}
		case b.CPU[i] != -1 || b.PID[i] != 0 || b.TID[i] != 0:
			return fmt.Sprintf("cpu %d, pid %d, tid %d", b.CPU[i], b.PID[i], b.TID[i])
		case arg(MarkLast) < arg(MarkFirst) || arg(MarkFirst) != b.TS[i]:
			return fmt.Sprintf("from %d to %d at %d", arg(MarkFirst), arg(MarkLast), b.TS[i])
		}
	case Count:
		used = 5
		switch {
		case arg(CountCalls) < 0 || arg(CountErrors) < 0 || arg(CountErrors) > arg(CountCalls) || arg(CountTotalNS) < 0:
			return fmt.Sprintf("%d calls, %d errors, %d ns", arg(CountCalls), arg(CountErrors), arg(CountTotalNS))
		case arg(CountLast) < arg(CountFirst):
			return fmt.Sprintf("from %d to %d", arg(CountFirst), arg(CountLast))
		}
	case FD:
		used = 2
		if fd := arg(FDNumber); fd < 0 && fd != FDCwd && fd != FDRoot {
			return fmt.Sprintf("descriptor %d", fd)
		}
	}
	for k := used; k < len(b.Args); k++ {
		if arg(k) != 0 {
			return fmt.Sprintf("arg%d is %d", k, arg(k))
		}
	}
	return ""
}

func (v *verifier) checkText(b *Batch) {
	for i, d := range b.Detail {
		if d != "" && !utf8.ValidString(d) {
			v.fail(ruleText, "seq %d: detail is not UTF-8", b.Seq[i])
		}
	}
}

package views

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/format/abi"
	"systape/replay/audit"
	"systape/replay/escape"
	"systape/replay/units"
)

// Audit is the trail of the calls that matter to security, and what the rules
// found in it.
type Audit struct {
	Frame
	Tree bool // grouped by process, those below the ones that made them

	kept     []audit.Record // with Tree
	counts   map[string]int64
	findings []audit.Finding
	records  *out.Records[audit.Record]
}

// maxAuditTree is how many records are held to be put into a tree.
const maxAuditTree = 1 << 20

// Begin writes what stands before the trail.
func (a *Audit) Begin() (err error) {
	a.counts = map[string]int64{}
	switch a.Form {
	case "jsonl", "csv":
		a.records, err = out.NewRecords(a.Out, a.Form, a.fields(), out.Document{Symbols: a.Symbols()})
	}
	return err
}

// Add takes the next record.
func (a *Audit) Add(r *audit.Record) error {
	a.counts[r.Category.Name]++
	switch {
	case a.records != nil:
		return a.records.Write([]audit.Record{*r})
	case a.Form == "ecs":
		return out.WriteJSON(a.Out, a.ecs(r, nil), "")
	case a.Tree:
		if len(a.kept) == maxAuditTree {
			return fmt.Errorf("more than %s records: too many for a tree; choose some of them by time or process", units.Count(maxAuditTree))
		}
		a.kept = append(a.kept, *r)
		return nil
	}
	return a.line(r, fmt.Sprintf("%-22s ", out.Snip(escape.Text(fmt.Sprintf("%s/%d", r.Comm, r.PID)), 22)))
}

// Find takes what a rule found.
func (a *Audit) Find(f audit.Finding) error {
	a.findings = append(a.findings, f)
	if a.Form == "ecs" {
		return out.WriteJSON(a.Out, a.ecs(&f.Calls[len(f.Calls)-1], f.Rule), "")
	}
	return nil
}

// Findings returns how many there were.
func (a *Audit) Findings() int { return len(a.findings) }

// tellsPath reports whether the path stands among the arguments, where it may be
// quoted another way.
func tellsPath(r *audit.Record) bool {
	for n := range 6 {
		if told, _, ok := format.Argument(r.Told, n); ok && told == r.Path {
			return true
		}
	}
	return false
}

func (a *Audit) line(r *audit.Record, who string) error {
	text := r.Text()
	if r.Path != "" && !tellsPath(r) && !strings.Contains(text, r.Path) {
		text += "  " + r.Path
	}
	rules := ""
	if len(r.Rules) > 0 {
		rules = a.Style.Dim("  [" + strings.Join(r.Rules, " ") + "]")
	}
	_, err := fmt.Fprintf(a.Out, "%s  %s%-11s %s%s\n", a.timeOfDay(r.StartNS), who, r.Category.Name, escape.Text(text), rules)
	return err
}

// End writes what stands after the trail.
func (a *Audit) End(stderr io.Writer) error {
	if a.Tree {
		if err := a.tree(); err != nil {
			return err
		}
	}
	if a.records != nil {
		if err := a.records.Close(); err != nil {
			return err
		}
	}
	if !a.people() {
		return nil
	}
	if len(a.findings) > 0 {
		a.println()
		t := out.Table{Columns: out.Columns("time", "rule", "by", ">calls", "what it is about")}
		for _, f := range a.findings {
			last := &f.Calls[len(f.Calls)-1]
			t.Add(a.timeOfDay(last.StartNS), f.Rule.Name, fmt.Sprintf("%s/%d", last.Comm, last.PID), fmt.Sprint(f.Count), f.Rule.Title)
		}
		if err := t.Write(a.Out, a.Style); err != nil {
			return err
		}
	}
	a.println()
	var counts []string
	for _, n := range audit.CategoryNames() {
		if a.counts[n] > 0 {
			counts = append(counts, fmt.Sprintf("%s %s", units.Count(a.counts[n]), n))
		}
	}
	if len(counts) == 0 {
		counts = []string{"no such calls"}
	}
	a.println(strings.Join(counts, ", "))
	found := "no rule holds of them"
	if n := len(a.findings); n > 0 {
		found = fmt.Sprintf("rules hold %s: each deserves a look, and proves nothing", times(n))
	}
	a.println(found)
	return a.Footer(stderr)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return countInt(n) + " times"
}

// tree writes the records by process: below each, those that it made.
func (a *Audit) tree() error {
	by := map[int32][]*audit.Record{}
	children := map[int32][]int32{}
	var roots []int32
	for i := range a.kept {
		r := &a.kept[i]
		if by[r.PID] == nil {
			if r.Parent != 0 {
				children[r.Parent] = append(children[r.Parent], r.PID)
			}
			roots = append(roots, r.PID)
		}
		by[r.PID] = append(by[r.PID], r)
	}
	done := map[int32]bool{}
	var walk func(pid int32, depth int) error
	walk = func(pid int32, depth int) error {
		if done[pid] || depth > 64 {
			return nil
		}
		done[pid] = true
		indent := strings.Repeat("  ", depth)
		if rs := by[pid]; len(rs) > 0 {
			last := rs[len(rs)-1]
			from := ""
			if depth == 0 && last.Parent != 0 {
				from = fmt.Sprintf(", made by %d", last.Parent)
			}
			a.println(indent + a.Style.Bold(fmt.Sprintf("%s/%d", escape.Text(last.Comm), pid)) + from)
			for _, r := range rs {
				if err := a.line(r, indent+"  "); err != nil {
					return err
				}
			}
		}
		for _, c := range children[pid] {
			if err := walk(c, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	slices.SortStableFunc(roots, func(x, y int32) int { return cmp.Compare(by[x][0].Depth, by[y][0].Depth) })
	for _, pid := range roots {
		if err := walk(pid, 0); err != nil {
			return err
		}
	}
	return nil
}

func auditErrno(r *audit.Record) string {
	if e := r.Errno(); e != 0 {
		return abi.ErrnoName(r.ABI, e)
	}
	return ""
}

func (a *Audit) fields() []out.Field[audit.Record] {
	type rec = audit.Record
	f := []out.Field[rec]{
		out.Time("time", func(r *rec) int64 { return a.wall(r.StartNS) }),
		out.Int("start_ns", func(r *rec) int64 { return r.StartNS }),
		out.Int("dur_ns", func(r *rec) int64 { return r.DurNS }),
		out.Int32("pid", func(r *rec) int64 { return int64(r.PID) }),
		out.Int32("tid", func(r *rec) int64 { return int64(r.TID) }),
		out.Int32("parent_pid", func(r *rec) int64 { return int64(r.Parent) }),
		out.Int32("root_pid", func(r *rec) int64 { return int64(r.Root) }),
		out.Text("comm", func(r *rec) string { return r.Comm }),
		out.Text("container", func(r *rec) string { return r.Container }),
		out.Text("category", func(r *rec) string { return r.Category.Name }),
		out.Text("syscall", func(r *rec) string { return r.Name }),
		out.Text("abi", func(r *rec) string { return r.ABI.String() }),
		out.Text("call", func(r *rec) string { return r.Text() }),
		out.Text("path", func(r *rec) string { return r.Path }),
		out.Int("ret", func(r *rec) int64 { return r.Ret }),
		out.Text("errno", auditErrno),
		out.Text("outcome", func(r *rec) string { return r.Outcome() }),
		out.Text("status", func(r *rec) string { return r.Status.String() }),
		out.List("rules", func(r *rec) string { return strings.Join(r.Rules, " ") }, func(r *rec) any { return append([]string{}, r.Rules...) }),
	}
	for i := range f {
		if f[i].Name == "parent_pid" {
			f[i].Unknown = func(r *rec) bool { return r.Parent == 0 }
		}
		if f[i].Name == "ret" {
			f[i].Unknown = func(r *rec) bool { return !r.HasResult() }
		}
	}
	return f
}

// ecs is an event in the Elastic Common Schema, version 8.11; with a rule, the
// alert that it gave.
func (a *Audit) ecs(r *audit.Record, rule *audit.Rule) any {
	type obj = map[string]any
	kind := "event"
	if rule != nil {
		kind = "alert"
	}
	process := obj{"pid": r.PID, "name": r.Comm, "thread": obj{"id": r.TID}}
	if r.Parent != 0 {
		process["parent"] = obj{"pid": r.Parent}
	}
	if r.Category.Name == "exec" && r.Path != "" {
		process["executable"] = r.Path
	}
	event := obj{"kind": kind, "category": []string{r.Category.ECS[0]}, "type": []string{r.Category.ECS[1]}, "action": r.Name,
		"outcome": r.Outcome(), "duration": r.DurNS, "dataset": "systape.audit", "module": "systape"}
	doc := obj{"@timestamp": time.Unix(0, a.wall(r.StartNS)).UTC().Format(time.RFC3339Nano), "ecs": obj{"version": "8.11.0"},
		"event": event, "process": process, "message": r.Text(),
		"systape": obj{"category": r.Category.Name, "abi": r.ABI.String(), "status": r.Status.String(), "root_pid": r.Root, "start_ns": r.StartNS}}
	if m := a.Meta(); m.Host.Name != "" {
		doc["host"] = obj{"name": m.Host.Name, "architecture": m.Host.Arch, "os": obj{"kernel": m.Host.Kernel}}
	}
	if r.Container != "" {
		doc["container"] = obj{"id": r.Container}
	}
	if e := auditErrno(r); e != "" {
		doc["error"] = obj{"code": e}
	}
	if r.Path != "" && r.Category.ECS[0] == "file" {
		doc["file"] = obj{"path": r.Path}
	}
	if rule != nil {
		doc["rule"] = obj{"name": rule.Name, "description": rule.Title, "category": "systape"}
		doc["message"] = rule.Title + ": " + r.Text()
	}
	return doc
}

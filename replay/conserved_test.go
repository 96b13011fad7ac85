package replay_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/replay"
)

// conserve checks conservation of r and its calls.
func conserve(r *recording, calls []replay.Call, cov replay.Coverage) *replay.ConservationReport {
	b := format.NewBatch(nil, len(r.events))
	for _, e := range r.events {
		b.Append(e)
	}
	var c replay.Conservation
	c.Events(b)
	c.Calls(calls)
	return c.Report(r.meta, cov)
}

func conserved(r *recording, calls []replay.Call) error {
	for _, c := range conserve(r, calls, replay.Coverage{}).Checks {
		if c.Checked && !c.OK {
			return fmt.Errorf("%s: %s", c.Rule, c.Detail)
		}
	}
	return nil
}

// TestConservationNames tampers with a recording or its calls and wants the
// rule that finds it, and its words.
func TestConservationNames(t *testing.T) {
	for _, c := range []struct {
		name   string
		tamper func(r *recording, calls []replay.Call, cov *replay.Coverage) []replay.Call
		rule   string
		want   string
	}{
		{"nothing", func(_ *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call { return calls }, "", ""},
		{"a call vanishes", func(_ *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call { return calls[1:] }, "C1", "in calls ("},
		{"a call comes twice", func(_ *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			return append(calls, calls[0])
		}, "C2", "in calls ("},
		{"one event stands in for another", func(_ *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			calls[0].EnterSeq = calls[1].EnterSeq
			calls[0].CPUEnter = calls[1].CPUEnter
			calls[2].CPUEnter = calls[1].CPUEnter
			return calls
		}, "C1", "cpu"},
		{"an event changes its CPU", func(_ *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			calls[0].CPUExit ^= 1
			return calls
		}, "C2", "cpu 1"},
		{"a call loses its enter", func(_ *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			calls[0].EnterSeq = -1
			return calls
		}, "C3", "has an enter: false"},
		{"the file misses what the kernel saw", func(r *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			r.meta.Counts.PerCPU[1].Exits += 1200
			return calls
		}, "C4", "cpu 1: the kernel saw"},
		{"the kernel lost more than lost rows tell", func(r *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			r.meta.Counts.PerCPU[0].LostLifecycle++
			return calls
		}, "C4", "cpu 0: the kernel counted 1 lost lifecycle events, lost rows tell of 0"},
		{"events of a CPU that the kernel does not know", func(r *recording, calls []replay.Call, _ *replay.Coverage) []replay.Call {
			r.meta.Counts.PerCPU = r.meta.Counts.PerCPU[:1]
			return calls
		}, "C4", "none counted by the kernel"},
		{"a gap that no loss explains", func(_ *recording, calls []replay.Call, cov *replay.Coverage) []replay.Call {
			cov.Unexplained = 1
			return calls
		}, "C5", "the exits of 1 call"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := simulate(3, 500).record(window{}, noLoss, false, onTime)
			calls, cov, _ := pairAll(t, r.meta, r.events)
			slices.SortStableFunc(calls, func(a, b replay.Call) int { return int(a.Status) - int(b.Status) }) // ok first
			calls = c.tamper(r, calls, &cov)
			report := conserve(r, calls, cov)
			found := false
			for _, rule := range report.Checks {
				if rule.Rule == c.rule {
					found = true
					if rule.OK || !strings.Contains(rule.Detail, c.want) {
						t.Errorf("%s is %v, %q; want %q", rule.Rule, rule.OK, rule.Detail, c.want)
					}
				}
			}
			if found == report.OK() {
				t.Errorf("the report is ok: %v; %+v", report.OK(), report.Checks)
			}
		})
	}
}

// TestConservationWithoutCounters says why the counters were not compared.
func TestConservationWithoutCounters(t *testing.T) {
	for _, c := range []struct {
		name, want string
		meta       func(*format.Meta) *format.Meta
	}{
		{"no metadata", "no kernel was recorded", func(*format.Meta) *format.Meta { return nil }},
		{"imported", "no kernel was recorded", func(m *format.Meta) *format.Meta { m.Imported = &format.Imported{}; return m }},
		{"cut off", "no counters of the recorder", func(m *format.Meta) *format.Meta { m.Counts = nil; return m }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := simulate(3, 500).record(window{}, noLoss, false, onTime)
			calls, cov, _ := pairAll(t, r.meta, r.events)
			r.meta = c.meta(r.meta)
			report := conserve(r, calls, cov)
			if got := report.Checks[3]; !report.OK() || got.Rule != "C4" || !strings.Contains(got.Detail, c.want) {
				t.Errorf("got %+v, want %q", got, c.want)
			}
		})
	}
}

func TestConservationJSON(t *testing.T) {
	r := simulate(3, 500).record(window{}, noLoss, false, onTime)
	calls, cov, _ := pairAll(t, r.meta, r.events)
	report := conserve(r, calls, cov)
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Enters   int64            `json:"enters"`
		Exits    int64            `json:"exits"`
		ByStatus map[string]int64 `json:"by_status"`
	}
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Enters != cov.Enters || back.Exits != cov.Exits || len(back.ByStatus) != int(replay.NumStatuses) || back.ByStatus["ok"] != cov.ByStatus[replay.OK] {
		t.Errorf("got %s, want %+v", text, cov)
	}
}

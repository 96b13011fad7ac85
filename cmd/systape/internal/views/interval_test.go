package views

import (
	"strings"
	"testing"
	"time"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// capture is what a view says about the capture that its result rests on.
type capture struct {
	meta    format.Meta
	symbols *format.SymbolTable
	losses  []replay.LossSpan
}

func (c *capture) Meta() *format.Meta                { return &c.meta }
func (c *capture) Symbols() *format.SymbolTable      { return c.symbols }
func (c *capture) Coverage() replay.Coverage         { return replay.Coverage{} }
func (c *capture) Losses() []replay.LossSpan         { return c.losses }
func (c *capture) Counted() ([]replay.Counted, bool) { return nil, false }
func (c *capture) Warn(error)                        {}

// A recording from 0.75 s to 2.5 s makes 100 calls in every tenth of a second:
// 1,000 a second in each interval, the first and the last one too.
func TestRatesAreOfTheTimeRecorded(t *testing.T) {
	c := &capture{symbols: format.NewSymbolTable()}
	c.meta.Probes = []format.Probe{{Name: "sys_enter", AttachNS: 750e6, DetachNS: 2500e6}}
	for _, form := range []string{"table", "csv"} {
		var b strings.Builder
		l := &Latency{Frame: Frame{Capture: c, Out: &b, Form: form}, Sort: "total", Top: -1,
			Options: latency.Options{Symbols: c.symbols, By: []latency.Key{latency.BySyscall}}}
		v, err := l.Intervals(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		err = l.Read(v, func(add func([]replay.Call) error) error {
			read := c.symbols.InternString("getpid")
			for ns := int64(750e6); ns < 2500e6; ns += 1e6 {
				if err := add([]replay.Call{{Syscall: read, StartNS: ns, DurNS: 1000}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := b.String()
		want := []string{"00:00:00: 250 calls in 250 ms, 1.00k/s\n", "00:00:01: 1,000 calls, 1.00k/s\n", "00:00:02: 500 calls in 500 ms, 1.00k/s\n"}
		if form == "csv" {
			want = []string{"\n0,getpid,250,", ",1000,250000000,0\n1000000000,getpid,1000,", ",1000,1000000000,0\n2000000000,getpid,500,", ",1000,500000000,0\n"}
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s lacks %q:\n%s", form, w, got)
			}
		}
	}
}

// Where all calls were lost, there is a row that says so in every form for
// machines; what is not known of it is not 0.
func TestIntervalsWithoutCallsTellOfLosses(t *testing.T) {
	for form, want := range map[string][]string{
		"csv": {"\n0,getpid,1,", "\n1000000000,,0,,,", ",2500000000,7\n", "\n3500000000,getpid,1,", "\n4000000000,,0,,,", ",2000000001,9\n"},
		"jsonl": {`{"interval_ns":1000000000,"syscall":null,"count":0,"errors":null,`, `"recorded_ns":2500000000,"lost_events":7}`,
			`{"interval_ns":4000000000,"syscall":null,"count":0,`, `"lost_events":9}`},
	} {
		c := &capture{symbols: format.NewSymbolTable()}
		c.meta.Probes = []format.Probe{{Name: "sys_enter", AttachNS: 1, DetachNS: 6e9}}
		c.losses = []replay.LossSpan{{First: 1200e6, Last: 2900e6, Events: 7}, {First: 5e9, Last: 5100e6, Events: 9}}
		var b strings.Builder
		l := &Latency{Frame: Frame{Capture: c, Out: &b, Form: form}, Sort: "total", Top: -1,
			Options: latency.Options{Symbols: c.symbols, By: []latency.Key{latency.BySyscall}}}
		v, err := l.Intervals(500 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		err = l.Read(v, func(add func([]replay.Call) error) error {
			name := c.symbols.InternString("getpid")
			return add([]replay.Call{{Syscall: name, StartNS: 1e6, DurNS: 10}, {Syscall: name, StartNS: 600e6, DurNS: 10}, {Syscall: name, StartNS: 3600e6, DurNS: 10}})
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s lacks %q:\n%s", form, w, b.String())
			}
		}
	}
}

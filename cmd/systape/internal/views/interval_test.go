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
		want := []string{"00:00:00: 250 calls, 1.00k/s (250 ms of it recorded)\n", "00:00:01: 1,000 calls, 1.00k/s\n", "00:00:02: 500 calls, 1.00k/s (500 ms of it recorded)\n"}
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

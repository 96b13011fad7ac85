package views

import (
	"math/rand/v2"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// What a column fills in for many rows is what its functions say of each.
func TestCallFieldsFill(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	args := []int64{0, 1, -1, -100, 0xffff, 0x10000, 0x7fffffff, 0xffffffff, 0x1_0000_0001, -1 << 63}
	rows := make([]replay.Call, 2000)
	for i := range rows {
		c := &rows[i]
		c.ABI, c.Nr = abi.All()[rnd.IntN(len(abi.All()))], rnd.Int32N(400)-1
		for k := range c.Args {
			c.Args[k] = args[rnd.IntN(len(args))]
		}
		c.Status, c.NoRet, c.ExitSeq = replay.Status(rnd.IntN(int(replay.NumStatuses))), rnd.IntN(4) == 0, rnd.Int64N(3)-1
		if c.ExitSeq >= 0 {
			c.Ret = []int64{0, 7, -2, -1 << 40, int64(c.Nr)}[rnd.IntN(5)]
		}
		c.Told = []string{"", "arg1=?", "arg0=?\narg2=?", `arg1="/etc/passwd"`}[rnd.IntN(4)]
	}
	values := make([]int64, len(rows))
	for _, f := range CallFields(format.NewSymbolTable(), format.WallClock{}) {
		if f.Fill == nil {
			continue
		}
		f.Fill(values, rows)
		for i, got := range values {
			want := f.Int(&rows[i])
			if f.Unknown(&rows[i]) {
				want = 0
			}
			if got != want {
				t.Fatalf("%s of %+v: filled with %d, want %d", f.Name, rows[i], got, want)
			}
		}
	}
}

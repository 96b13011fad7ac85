package main

import (
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"systape/format"
)

// recordBudget: a load that takes more than recording may sheds whole calls, but not
// the last of them, says when and why, and is counted; when it has ended every
// call is recorded again.
func recordBudget(t *testing.T, r recorder) {
	load := background(t, nil, r.program("noise"), "100000000000")
	for _, c := range []struct {
		name, flag, value string
		returns           bool // what is exceeded is no longer, when the load rests
	}{
		{"budget", "--budget", "3%", true},
		{"max memory", "--max-memory", "16MiB", false}, // the program itself takes more
	} {
		t.Run(c.name, func(t *testing.T) {
			f := r.watched(t, "-p", strconv.Itoa(load.Process.Pid), c.flag, c.value)
			f.begin(t)
			// What began may still be loading: the socket is there before that.
			waitFor(t, "the recorder", func() bool {
				answer, err := f.metrics.Get("http://systape/metrics")
				if err == nil {
					answer.Body.Close()
				}
				return err == nil
			})
			await := func(what string, is func() bool) { // seldom: to be asked takes CPU, too
				t.Helper()
				for end := time.Now().Add(recordLimit); !is(); time.Sleep(200 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%s: never", what)
					}
				}
			}
			share := func() float64 { return f.metric(t, "systape_sampled_share") }
			await("calls are shed", func() bool { return share() < 0.5 })
			at := f.metric(t, "systape_events_total")
			await("some are recorded", func() bool { return f.metric(t, "systape_events_total") > at+100 })
			await("counted", func() bool { return f.metric(t, `systape_filtered_calls_total{filter="sample"}`) > 0 })
			if c.returns {
				load.Process.Signal(syscall.SIGSTOP)
				await("all are recorded again", func() bool { return share() == 1 })
				load.Process.Signal(syscall.SIGCONT)
			}
			f.Process.Signal(syscall.SIGTERM)
			if err := f.Wait(); err != nil {
				t.Fatalf("%v: %s", err, f.stderr.String())
			}
			file := filepath.Join(f.dir, "t.parquet")
			var fell, rose bool
			last := int64(0)
			for _, e := range r.check(t, file) {
				if e.Kind != format.Mark || e.Args[format.MarkWhat] != int64(format.ShareSet) {
					continue
				}
				switch now, why := e.Args[format.MarkShare], format.ShareReason(e.Args[format.MarkWhy]); {
				case last == 0:
					if now != format.ShareAll || why != format.ShareAsked {
						t.Errorf("the first share is %d, %v", now, why)
					}
				case why == format.ShareBudget && now < last:
					fell = true
				case why == format.ShareRoom && now > last:
					rose = rose || now == format.ShareAll
				default:
					t.Errorf("share %d after %d: %v", now, last, why)
				}
				last = e.Args[format.MarkShare]
			}
			if !fell || rose != c.returns {
				t.Errorf("fell %v, rose to all %v", fell, rose)
			}
		})
	}
}

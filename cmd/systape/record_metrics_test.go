package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"systape/capture"
	"systape/format"
)

// The lines of the text format (Prometheus exposition format 0.0.4), with the
// rule of its parsers that a family is told once, its help and type first.
var (
	metricsHead   = regexp.MustCompile(`^# (HELP [a-z_]+ [^\\]+|TYPE [a-z_]+ (counter|gauge))$`)
	metricsSample = regexp.MustCompile(`^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"\})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?)$`)
)

// samples checks an exposition and returns its samples by name and label.
func samples(t *testing.T, text string) map[string]string {
	t.Helper()
	found, family := map[string]string{}, ""
	told := map[string]bool{}
	if !strings.HasSuffix(text, "\n") {
		t.Errorf("the last line does not end: %q", text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if words := strings.Fields(line); metricsHead.MatchString(line) {
			if words[1] == "HELP" {
				if family = words[2]; told[family] {
					t.Errorf("%s is told twice", family)
				}
				told[family] = true
			} else if words[2] != family {
				t.Errorf("%q after the help of %s", line, family)
			} else if (words[3] == "counter") != strings.HasSuffix(family, "_total") {
				t.Errorf("%q: only counters end in _total", line)
			}
			continue
		}
		m := metricsSample.FindStringSubmatch(line)
		if m == nil || m[1] != family {
			t.Errorf("no sample of %s: %q", family, line)
			continue
		}
		if _, twice := found[m[1]+m[2]]; twice {
			t.Errorf("twice: %q", line)
		}
		found[m[1]+m[2]] = m[3]
	}
	return found
}

func TestMetricsExposition(t *testing.T) {
	s := capture.Status{Elapsed: 1500 * time.Millisecond, Events: 12, Lost: 3, Bytes: 1 << 40}
	s.LostBy[0], s.LostBy[2] = 1, 2
	s.Filtered, s.Share = format.Filtered{Processes: 7, Sample: 9, Outcome: 2}, 0.25
	s.Flight = &capture.FlightStatus{Held: 1 << 20, Window: 90 * time.Second, Files: 2, Fired: 5, Passed: 3}
	got := samples(t, string(expose(s, usage{1e-7, 5})))
	for name, want := range map[string]string{
		"systape_recording_seconds": "1.5", "systape_events_total": "12", "systape_spool_bytes_total": "1099511627776",
		`systape_lost_events_total{cause="buffer_full"}`: "1", `systape_lost_events_total{cause="skipped_by_kernel"}`: "2",
		`systape_filtered_calls_total{filter="process"}`: "7", `systape_filtered_calls_total{filter="sample"}`: "9", `systape_filtered_calls_total{filter="outcome"}`: "2",
		`systape_filtered_calls_total{filter="comm"}`: "0", "systape_sampled_share": "0.25",
		"systape_flight_held_bytes": "1048576", "systape_flight_held_seconds": "90", "systape_flight_files_total": "2", "systape_flight_triggers_total": "5", "systape_flight_passed_total": "3",
		"systape_cpu_seconds_total": "1e-07", "systape_peak_memory_bytes": "5",
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	if l := label("a\"b\\c\nd"); !regexp.MustCompile(`^"(?:[^"\\\n]|\\[\\"n])*"$`).MatchString(l) {
		t.Errorf("label %s", l)
	}
}

// A socket that a killed recorder left is taken over, one in use is not.
func TestMetricsPlaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.sock")
	first, err := openMetrics("unix:" + path)
	if err != nil {
		t.Skip(err) // no such sockets here
	}
	if m, err := openMetrics("unix:" + path); err == nil {
		m.stop()
		t.Error("two recorders share a socket")
	}
	first.stop()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket stays")
	}
	for _, where := range []string{filepath.Join(dir, "no", "m.prom"), "127.0.0.1:http-no-such"} {
		if m, err := openMetrics(where); err == nil {
			m.stop()
			t.Errorf("%s is taken", where)
		}
	}
}

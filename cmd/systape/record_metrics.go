package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"systape/capture"
	"systape/format"
	"systape/replay/escape"
)

// metrics gives the counters of a recording to those who watch it, in the text
// format of Prometheus: over HTTP on a socket, or in a file that is replaced
// every few seconds (as node_exporter's textfile collector reads it).
type metrics struct {
	file     string
	listener net.Listener
	serving  bool
	quit     chan struct{}
	done     chan struct{}
}

const metricsEvery = 5 * time.Second

// openMetrics takes FILE, unix:PATH or HOST:PORT; "" is none.
func openMetrics(where string) (*metrics, error) {
	m := &metrics{quit: make(chan struct{}), done: make(chan struct{})}
	fail := func(err error) (*metrics, error) {
		return nil, &exitError{err: fmt.Errorf("--metrics %s: %w", where, err), hint: "give a file, unix:PATH, or ADDRESS:PORT such as 127.0.0.1:9477"}
	}
	var err error
	path, unix := strings.CutPrefix(where, "unix:")
	_, _, notAddress := net.SplitHostPort(where)
	switch {
	case where == "":
		return nil, nil
	case unix:
		if info, statErr := os.Lstat(path); statErr == nil && info.Mode()&os.ModeSocket != 0 {
			if c, dialErr := net.Dial("unix", path); dialErr == nil {
				c.Close()
				return fail(errors.New("another program answers there"))
			}
			os.Remove(path) // what a recorder left that was killed
		}
		m.listener, err = net.Listen("unix", path)
	case notAddress == nil && !strings.Contains(where, "/"):
		m.listener, err = net.Listen("tcp", where)
	default:
		m.file = where
		err = writeMetrics(where, nil) // found out now that it cannot be written
	}
	if err != nil {
		return fail(err)
	}
	return m, nil
}

// serve begins to answer.
func (m *metrics) serve(r *capture.Recording, warn func(error)) {
	if m == nil {
		return
	}
	m.serving = true
	go func() {
		defer close(m.done)
		if m.listener != nil {
			server := http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path != "/metrics" && q.URL.Path != "/" {
					http.NotFound(w, q)
					return
				}
				w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
				w.Write(expose(r.Status(), processUsage()))
			})}
			go server.Serve(m.listener)
			<-m.quit
			server.Close()
			return
		}
		tick := time.NewTicker(metricsEvery)
		defer tick.Stop()
		warned := false
		for ending := false; ; {
			if err := writeMetrics(m.file, expose(r.Status(), processUsage())); err != nil && !warned {
				warn(fmt.Errorf("metrics: %w", err))
				warned = true
			}
			if ending {
				return
			}
			select {
			case <-m.quit:
				ending = true
			case <-tick.C:
			}
		}
	}()
}

// stop ends the answering, or what was to begin; a file keeps the last counters.
func (m *metrics) stop() {
	if m == nil {
		return
	}
	close(m.quit)
	if m.serving {
		<-m.done
	}
	if m.listener != nil {
		m.listener.Close()
	}
}

// writeMetrics replaces a file as a whole.
func writeMetrics(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".systape-metrics-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// usage is what this process has used.
type usage struct {
	cpuSeconds float64
	peakBytes  int64
}

// causeLabels are the causes of loss as values of a label.
var causeLabels = [format.Causes]string{"buffer_full", "not_stored", "skipped_by_kernel", "damaged"}

// filteredLabels are the filters as values of a label.
var filteredLabels = []struct {
	word string
	of   func(*format.Filtered) int64
}{
	{"process", func(f *format.Filtered) int64 { return f.Processes }},
	{"syscall", func(f *format.Filtered) int64 { return f.Syscalls }},
	{"uid", func(f *format.Filtered) int64 { return f.UIDs }},
	{"comm", func(f *format.Filtered) int64 { return f.Comms }},
	{"cgroup", func(f *format.Filtered) int64 { return f.Cgroups }},
	{"sample", func(f *format.Filtered) int64 { return f.Sample }},
	{"outcome", func(f *format.Filtered) int64 { return f.Outcome }},
	{"unfinished", func(f *format.Filtered) int64 { return f.Unfinished }},
}

// expose writes the counters (Prometheus text format 0.0.4).
func expose(s capture.Status, u usage) []byte {
	var b strings.Builder
	metric := func(name, kind, help string, samples func(name string)) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		samples(name)
	}
	one := func(v any) func(string) {
		return func(name string) { fmt.Fprintf(&b, "%s %v\n", name, v) }
	}
	metric("systape_info", "gauge", "The recorder, always 1.", func(name string) {
		fmt.Fprintf(&b, "%s{version=%s} 1\n", name, label(version))
	})
	metric("systape_recording_seconds", "gauge", "How long the recording has taken.", one(s.Elapsed.Seconds()))
	metric("systape_events_total", "counter", "Events written: enters, exits and events of threads.", one(s.Events))
	metric("systape_lost_events_total", "counter", "Events lost, by cause; each is dated in the capture.", func(name string) {
		for c, cause := range causeLabels {
			fmt.Fprintf(&b, "%s{cause=%s} %d\n", name, label(cause), s.LostBy[c])
		}
	})
	metric("systape_filtered_calls_total", "counter", "Calls that were seen and not recorded, by the first filter that said so.", func(name string) {
		for _, f := range filteredLabels {
			fmt.Fprintf(&b, "%s{filter=%s} %d\n", name, label(f.word), f.of(&s.Filtered))
		}
	})
	metric("systape_sampled_share", "gauge", "Share of the calls that is recorded at this time, the others being left out by lot.", one(s.Share))
	if f := s.Flight; f != nil {
		metric("systape_flight_held_bytes", "gauge", "What the flight recorder keeps in memory.", one(f.Held))
		metric("systape_flight_held_seconds", "gauge", "How far back that reaches.", one(f.Window.Seconds()))
		metric("systape_flight_files_total", "counter", "Files that were begun.", one(f.Files))
		metric("systape_flight_triggers_total", "counter", "Times that triggers fired.", one(f.Fired))
		metric("systape_flight_passed_total", "counter", "Of these, those without a file of their own: in the cool-down, or while one was written.", one(f.Passed))
	}
	metric("systape_spool_bytes_total", "counter", "Bytes written to the spool.", one(s.Bytes))
	metric("systape_cpu_seconds_total", "counter", "CPU time that the recorder has used, user and system.", one(u.cpuSeconds))
	metric("systape_peak_memory_bytes", "gauge", "Most memory that the recorder has had at a time, kernel buffers included.", one(u.peakBytes))
	return []byte(b.String())
}

// label quotes the value of a label.
func label(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(escape.Text(v)) + `"`
}

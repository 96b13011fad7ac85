package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
)

// formsRecording is what was recorded, before it has a form.
type formsRecording struct {
	meta   format.Meta // as it is in the end
	events []format.Event
	rows   int  // of a batch
	late   bool // who follows it holds calls back that only its end can judge, as in version 1
}

// opening is what the recorder knew when it began to write.
func (r *formsRecording) opening() *format.Meta {
	m := r.meta
	m.Complete, m.Counts, m.Cost = false, nil, nil
	m.Part = format.Part{Number: 1, Rows: -1}
	m.Probes = slices.Clone(m.Probes)
	for i := range m.Probes {
		m.Probes[i].DetachNS = 0
	}
	m.Clock.Anchors = m.Clock.Anchors[:min(1, len(m.Clock.Anchors))]
	return &m
}

// formsWriter is what writes a capture of either form.
type formsWriter interface {
	Write(*format.Batch) error
	Close(*format.Meta) error
}

// write writes the events from..to, and returns how many bytes out had after
// each batch.
func (r *formsRecording) write(t testing.TB, w formsWriter, out *bytes.Buffer, from, to int, end *format.Meta) (whole []int) {
	t.Helper()
	names := format.NewSymbolTable()
	for from < to {
		n := min(r.rows, to-from)
		b := format.NewBatch(names, n)
		for _, e := range r.events[from : from+n] {
			b.Append(e)
		}
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		whole = append(whole, out.Len())
		from += n
	}
	if err := w.Close(end); err != nil {
		t.Fatal(err)
	}
	return whole
}

// spool returns the recording as a spool, and where its batches end.
func (r *formsRecording) spool(t testing.TB) (data []byte, whole []int) {
	t.Helper()
	var out bytes.Buffer
	w, err := format.NewSpoolWriter(&out, r.opening())
	if err != nil {
		t.Fatal(err)
	}
	end := r.meta
	end.Part = format.Part{Number: 1, Last: true}
	whole = r.write(t, w, &out, 0, len(r.events), &end)
	return out.Bytes(), whole
}

// parquet returns the events from..to as a part of the recording.
func (r *formsRecording) parquet(t testing.TB, number, from, to int) []byte {
	t.Helper()
	var out bytes.Buffer
	meta := r.opening()
	meta.Part = format.Part{Number: number, FirstSeq: int64(from), Rows: -1}
	w, err := format.NewParquetWriter(&out, meta)
	if err != nil {
		t.Fatal(err)
	}
	end := r.meta
	end.Part = format.Part{Number: number, FirstSeq: int64(from), Last: to == len(r.events)}
	// Each part has the anchors of its own time.
	if anchors := end.Clock.Anchors; number > 1 && end.Part.Last {
		end.Clock.Anchors = anchors[min(1, len(anchors)):]
	} else if !end.Part.Last {
		end.Clock.Anchors = anchors[:max(0, min(2-number, len(anchors)))]
	}
	r.write(t, w, &out, from, to, &end)
	return out.Bytes()
}

// formsName is the name of every form of a recording, each in a folder of its
// own, so that answers that name the capture are the same.
const formsName = "capture.parquet"

// formsForm is one form of a recording.
type formsForm struct {
	name  string
	dir   string   // where the command runs
	files []string // what it is given for a capture
	stdin []byte   // of -
	like  int      // index of the form that gives the answer to compare with
	torn  bool     // the end is missing, and every command must say so
}

// forms writes all forms of a recording.
func (r *formsRecording) forms(t testing.TB) (forms []formsForm) {
	t.Helper()
	put := func(name string, data []byte) string {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(name)
	}
	one := func(name string, data []byte) formsForm {
		return formsForm{name: name, dir: put(filepath.Join(t.TempDir(), formsName), data), files: []string{formsName}}
	}
	pipe := func(name string, data []byte) formsForm {
		return formsForm{name: name, dir: t.TempDir(), files: []string{"-"}, stdin: data}
	}
	spool, whole := r.spool(t)
	n := len(r.events)
	forms = append(forms, one("Parquet file", r.parquet(t, 1, 0, n)), one("spool", spool), pipe("spool from a pipe", spool))
	if n >= 3 {
		folder := formsForm{name: "folder of parts", dir: t.TempDir(), files: []string{formsName}}
		byName := formsForm{name: "parts by name, in disorder", dir: t.TempDir(), files: []string{"3.parquet", "1.parquet", "2.parquet"}}
		for i, cut := range [][2]int{{0, n / 3}, {n / 3, n/3 + 1}, {n/3 + 1, n}} {
			part, name := r.parquet(t, i+1, cut[0], cut[1]), fmt.Sprintf("%d.parquet", i+1)
			put(filepath.Join(folder.dir, formsName, name), part)
			put(filepath.Join(byName.dir, name), part)
		}
		forms = append(forms, folder, byName)
	}
	// Half a spool says no more than what was saved of it, and the same holds
	// for one to which the recorder is just about to append.
	middle := whole[len(whole)/2]
	for _, cut := range []struct {
		name string
		size int
	}{{"torn", middle - 9}, {"growing", middle}} {
		half := spool[:cut.size]
		file := one(cut.name+" spool", half)
		saved := formsForm{name: cut.name + " spool, recovered", dir: t.TempDir(), files: []string{formsName}}
		code, _, stderr := formsRun(t, nil, "recover", "-o", filepath.Join(saved.dir, formsName), filepath.Join(file.dir, formsName))
		if code == exitDamaged && strings.Contains(stderr, "no event can be saved") {
			continue // of a single batch, half
		}
		if code != exitOK {
			t.Fatalf("recover: exit code %d: %s", code, stderr)
		}
		first := len(forms)
		forms = append(forms, saved, file, pipe(cut.name+" spool from a pipe", half))
		for i := first; i < len(forms); i++ {
			forms[i].like, forms[i].torn = first, true
		}
	}
	return forms
}

// baseline returns a baseline of another recording of the same calls, or no
// name when they are too few for one.
func (r *formsRecording) baseline(t testing.TB) string {
	t.Helper()
	if len(r.events) < 100 {
		return ""
	}
	other := *r
	other.meta.CaptureID = strings.Repeat("b", 32)
	name, baseline := filepath.Join(t.TempDir(), "other.parquet"), filepath.Join(t.TempDir(), "baseline.json")
	if err := os.WriteFile(name, other.parquet(t, 1, 0, len(r.events)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := formsRun(t, nil, "baseline", "train", "-o", baseline, name); code != exitOK {
		t.Fatalf("baseline train: exit code %d: %s", code, stderr)
	}
	return baseline
}

// formsFrozen is what the frozen capture of a real workload is a form of.
func formsFrozen(t testing.TB) *formsRecording {
	t.Helper()
	r, err := format.Open([]string{"../../testdata/v1/workload.parquet"}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rec := &formsRecording{rows: 700}
	for e, err := range r.Events() {
		if err != nil {
			t.Fatal(err)
		}
		rec.events = append(rec.events, e)
	}
	rec.meta = *r.Meta()
	return rec
}

// formsRead makes a recording of events in the text form and of the metadata
// that is told of it. Unless that says otherwise it is of version 1, in which a
// loss does not name the threads that it may concern.
func formsRead(t testing.TB, events, meta []byte) *formsRecording {
	t.Helper()
	r := &formsRecording{rows: 3, meta: format.Meta{Version: 1, CaptureID: strings.Repeat("0", 32), Tool: "test"}}
	var err error
	if r.events, err = format.ParseText(bytes.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if meta != nil {
		if err := json.Unmarshal(meta, &r.meta); err != nil {
			t.Fatal(err)
		}
	}
	r.late = r.meta.Version < 2
	r.finish()
	return r
}

// finish says of a recording what its recorder would.
func (r *formsRecording) finish() {
	r.meta.Complete = true
	r.meta.Counts = &format.Counts{}
	for _, e := range r.events {
		if e.CPU < 0 {
			continue
		}
		for len(r.meta.Counts.PerCPU) <= int(e.CPU) {
			r.meta.Counts.PerCPU = append(r.meta.Counts.PerCPU, format.CPUCounts{CPU: int32(len(r.meta.Counts.PerCPU))})
		}
		c := &r.meta.Counts.PerCPU[e.CPU]
		switch e.Kind {
		case format.Enter:
			c.Enters++
		case format.Exit:
			c.Exits++
		case format.Lost:
			enters, exits := e.Args[format.LostEnters], e.Args[format.LostExits]
			rest := e.Args[format.LostCount] - enters - exits
			c.Enters, c.Exits, c.Lifecycle = c.Enters+enters, c.Exits+exits, c.Lifecycle+rest
			c.LostEnters, c.LostExits, c.LostLifecycle = c.LostEnters+enters, c.LostExits+exits, c.LostLifecycle+rest
		case format.Fork, format.Exec, format.Rename, format.ThreadEnd:
			c.Lifecycle++
		}
	}
}

// formsStories returns the stories of testdata/cases by their names.
func formsStories(t testing.TB) map[string]*formsRecording {
	t.Helper()
	files, err := filepath.Glob("../../testdata/cases/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d stories found, %v", len(files), err)
	}
	stories := map[string]*formsRecording{}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var events, meta []byte
		for _, f := range ar.Files {
			switch f.Name {
			case "events":
				events = f.Data
			case "meta":
				meta = f.Data
			}
		}
		stories[strings.TrimSuffix(filepath.Base(file), ".txtar")] = formsRead(t, events, meta)
	}
	return stories
}

// formsJoined tells the stories of testdata/cases one after the other, each
// with threads of its own. Left out are those that say something of the whole
// capture, and the loss that is told late. It is of the newest version, so that
// who follows it knows all in time.
func formsJoined(t testing.TB) *formsRecording {
	t.Helper()
	r := &formsRecording{rows: 40, meta: format.Meta{Version: format.Version, CaptureID: strings.Repeat("1", 32), Tool: "test"}}
	stories := formsStories(t)
	for i, name := range slices.Sorted(maps.Keys(stories)) {
		story := stories[name]
		if len(story.meta.Probes) > 0 || story.meta.Request.Comms != nil || story.meta.Request.Syscalls != "" || name == "pair-loss-told-late" {
			continue
		}
		later, ids := int64(1_750_000_000_000_000_000+i*10_000), int32(100*i)
		for _, e := range story.events {
			e.TS += later
			e.Seq = int64(len(r.events))
			if e.Kind != format.Lost {
				e.PID, e.TID = e.PID+ids, e.TID+ids
			}
			switch e.Kind {
			case format.Fork:
				e.Args[format.ForkPID] += int64(ids)
				e.Args[format.ForkTID] += int64(ids)
			case format.Exec:
				e.Args[format.ExecOldTID] += int64(ids)
			case format.Lost:
				e.Args[format.LostFirst] += later
				e.Args[format.LostLast] += later
			}
			r.events = append(r.events, e)
		}
	}
	r.finish()
	return r
}

package redact

import (
	"fmt"
	"slices"

	"systape/format"
)

// Meta returns what the redacted capture says about itself.
func (r *Redactor) Meta(m *format.Meta) (*format.Meta, error) {
	o := *m
	o.CaptureID = r.key.hex("capture", m.CaptureID, 32)
	o.Redacted = &format.Redacted{Tool: r.opt.Tool, Key: r.key.Fingerprint(), Dropped: r.opt.Drop}
	h := &o.Host
	if h.Name != "" {
		h.Name = r.key.name(h.Name)
		r.found.add("host", m.Host.Name, h.Name)
	}
	if h.BootID != "" {
		x := r.key.hex("boot", h.BootID, 32)
		h.BootID = fmt.Sprintf("%s-%s-%s-%s-%s", x[:8], x[8:12], x[12:16], x[16:20], x[20:])
		r.found.add("boot id", m.Host.BootID, h.BootID)
	}
	h.Kernel = r.release(h.Kernel)
	r.found.add("kernel", m.Host.Kernel, h.Kernel)
	if h.Distribution != "" && !distributions.MatchString(h.Distribution) {
		h.Distribution = r.key.name(h.Distribution)
	}
	r.found.add("distribution", m.Host.Distribution, h.Distribution)
	r.request(&o.Request)
	if o.Recovered != "" {
		r.found.add("what was recovered", o.Recovered, "")
		o.Recovered = "it was recovered before it was redacted" // what it said may name files
	}
	return &o, r.times(m, &o)
}

func (r *Redactor) request(q *format.Request) {
	if len(q.Command) > 0 {
		before := slices.Clone(q.Command)
		q.Command = []string{r.path(before[0])}
		r.found.add("command line", fmt.Sprint(before), fmt.Sprint(q.Command))
		q.Hidden = "arguments"
	}
	for _, list := range []struct {
		kind string
		of   *[]string
		f    func(string) string
	}{{"names of threads", &q.Comms, r.comm}, {"cgroups", &q.Cgroups, r.path}, {"containers", &q.Containers, r.container}} {
		*list.of = slices.Clone(*list.of)
		for i, s := range *list.of {
			(*list.of)[i] = list.f(s)
			r.found.add(list.kind, s, (*list.of)[i])
		}
	}
	if q.Keep != nil { // a copy is not the recorder's to remove
		r.found.add("names of files", q.Keep.Name, "")
		q.Keep = nil
	}
	q.UIDs = slices.Clone(q.UIDs)
	for i, u := range q.UIDs {
		q.UIDs[i] = uint32(r.identity(int64(u)))
	}
}

// flight keeps what no name is part of: triggers name programs.
func (r *Redactor) flight(f *format.Flight, shift func(int64) int64) *format.Flight {
	o := *f
	o.Recorder = r.key.hex("capture", f.Recorder, 32)
	o.AtNS = shift(f.AtNS)
	for _, trigger := range slices.Concat(f.Triggers, []string{f.Trigger}) {
		r.found.add("triggers", trigger, "")
	}
	r.found.add("why it was written", f.What, "")
	o.Triggers, o.Trigger, o.What, o.Comm = nil, "", "", ""
	if f.Comm != "" {
		o.Comm = r.comm(f.Comm)
		r.found.add("names of threads", f.Comm, o.Comm)
	}
	return &o
}

// times shifts all instants of the metadata: both clocks by the same, so that
// the wall clock's steps stay.
func (r *Redactor) times(m, o *format.Meta) (err error) {
	shift := func(ns int64) int64 {
		to, e := r.time(ns)
		if e != nil && err == nil {
			err = e
		}
		return to
	}
	o.Clock.OffsetNS = 0 // it tells since when the machine has been up
	o.Clock.Anchors = slices.Clone(m.Clock.Anchors)
	for i, a := range o.Clock.Anchors {
		o.Clock.Anchors[i] = format.Anchor{TS: shift(a.TS), RealNS: shift(a.RealNS)}
	}
	o.Probes = slices.Clone(m.Probes)
	for i := range o.Probes {
		p := &o.Probes[i]
		p.AttachNS = shift(p.AttachNS)
		if p.DetachNS != 0 {
			p.DetachNS = shift(p.DetachNS)
		}
	}
	if m.Flight != nil {
		o.Flight = r.flight(m.Flight, shift)
	}
	if m.Selection != nil {
		s := *m.Selection
		for _, at := range []*int64{&s.Begin, &s.End, &s.From, &s.To} {
			if *at != 0 {
				*at = shift(*at)
			}
		}
		if s.Filter != "" {
			r.found.add("what was selected", s.Filter, "")
			s.Filter = "redacted" // it has names and numbers
		}
		o.Selection = &s
	}
	return err
}

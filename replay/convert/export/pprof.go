package export

import (
	"bufio"
	"errors"

	"github.com/google/pprof/profile"

	"systape/replay"
)

// pprof writes a gzipped profile.proto: a sample for each thread name,
// process, call and error, with two values: calls, and nanoseconds in them.
type pprof struct {
	stacks
	w *bufio.Writer
}

func newPProf(w *bufio.Writer, o Options) Exporter {
	p := &pprof{w: w}
	p.init(o)
	return p
}

func (p *pprof) Finish(calls []replay.Call) ([]string, error) {
	p.rest(calls)
	prof := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "calls", Unit: "count"}, {Type: "time", Unit: "nanoseconds"}},
		DefaultSampleType: "time",
		PeriodType:        &profile.ValueType{Type: "calls", Unit: "count"},
		Period:            1,
		TimeNanos:         p.first,
		DurationNanos:     p.last - p.first,
	}
	if p.o.Weight == Count {
		prof.DefaultSampleType = "calls"
	}
	locations := map[string]*profile.Location{}
	location := func(name string) *profile.Location {
		l := locations[name]
		if l == nil {
			f := &profile.Function{ID: uint64(len(prof.Function) + 1), Name: name, SystemName: name}
			l = &profile.Location{ID: uint64(len(prof.Location) + 1), Line: []profile.Line{{Function: f}}}
			prof.Function, prof.Location = append(prof.Function, f), append(prof.Location, l)
			locations[name] = l
		}
		return l
	}
	for _, k := range p.sorted() {
		v := p.sums[k]
		comm := k.name(p.o.Symbols)
		s := &profile.Sample{
			Value:    []int64{v.calls, v.ns},
			Location: []*profile.Location{location(p.o.Symbols.String(k.syscall)), location(comm)},
			Label:    map[string][]string{"comm": {comm}, "pid": {k.process()}, "abi": {k.abi.String()}},
		}
		if k.errno != 0 {
			name := errnoText(k.abi, int(k.errno))
			s.Label["errno"] = []string{name}
			s.Location = append([]*profile.Location{location(name)}, s.Location...)
		}
		prof.Sample = append(prof.Sample, s)
	}
	if err := prof.CheckValid(); err != nil {
		return nil, errors.New("export: internal error: " + err.Error())
	}
	if err := prof.Write(p.w); err != nil {
		return nil, err
	}
	return p.notes(), p.w.Flush()
}

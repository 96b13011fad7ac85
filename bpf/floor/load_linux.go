package floor

import (
	"errors"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Kind chooses a pair of probes.
type Kind string

// The pairs.
const (
	Empty  Kind = "empty"  // return at once
	Shared Kind = "floor"  // one ring buffer for all CPUs
	PerCPU Kind = "percpu" // one ring buffer for each of two CPUs
)

// Probes is a pair that hangs on sys_enter and sys_exit, and what drains it.
type Probes struct {
	collection *ebpf.Collection
	links      []link.Link
	readers    []*ringbuf.Reader
	stop       chan struct{}
	drained    chan int64
}

// Attach loads a pair and begins to drain its ring buffers every 5 ms.
func Attach(kind Kind) (*Probes, error) {
	spec, err := loadFloor()
	if err != nil {
		return nil, err
	}
	p := &Probes{stop: make(chan struct{}), drained: make(chan int64, 2)}
	if p.collection, err = ebpf.NewCollection(spec); err != nil {
		return nil, err
	}
	for _, name := range []string{"ring", "ring1"} {
		r, err := ringbuf.NewReader(p.collection.Maps[name])
		if err != nil {
			return nil, err
		}
		p.readers = append(p.readers, r)
		go p.drain(r)
	}
	for _, hook := range []string{"_exit", "_enter"} {
		l, err := link.AttachTracing(link.TracingOptions{Program: p.collection.Programs[string(kind)+hook], AttachType: ebpf.AttachTraceRawTp})
		if err != nil {
			return nil, err
		}
		p.links = append(p.links, l)
	}
	return p, nil
}

func (p *Probes) drain(r *ringbuf.Reader) {
	var record ringbuf.Record
	var n int64
	for {
		select {
		case <-p.stop:
			p.drained <- n
			return
		default:
		}
		r.SetDeadline(time.Now().Add(5 * time.Millisecond))
		for {
			if err := r.ReadInto(&record); err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					p.drained <- n
					return
				}
				break
			}
			n++
		}
	}
}

// Close detaches the pair and returns how many records were drained.
func (p *Probes) Close() int64 {
	for _, l := range p.links {
		l.Close()
	}
	close(p.stop)
	var n int64
	for range p.readers {
		n += <-p.drained
	}
	for _, r := range p.readers {
		r.Close()
	}
	p.collection.Close()
	return n
}

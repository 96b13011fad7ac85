package main

import (
	"github.com/spf13/cobra"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/sequences"
)

// sequencesNative returns the ABI of the machine that was recorded.
func sequencesNative(m *format.Meta) (a abi.ABI, ok bool) {
	switch m.Host.Arch {
	case "x86_64":
		return abi.X86_64, true
	case "i386", "i486", "i586", "i686":
		return abi.I386, true
	case "aarch64", "arm64":
		return abi.ARM64, true
	case "armv5tel", "armv6l", "armv7l", "armv8l", "arm":
		return abi.ARM, true
	}
	return 0, false
}

// sequencesNames tells the thread name and the container of a stream.
func sequencesNames(in *input) func(*sequences.Stream) (comm, container string) {
	return func(s *sequences.Stream) (string, string) {
		return in.names.String(s.Comm), in.names.String(s.Container)
	}
}

// sequencesOptions completes opt for one capture: its ABI, its late losses
// and the filters of the command line, unless it has filters already.
func sequencesOptions(in *input, opt sequences.Options) sequences.Options {
	if a, ok := sequencesNative(in.Meta()); ok && !opt.HaveNative {
		opt.Native, opt.HaveNative = a, true
	}
	opt.Late = in.Late()
	if opt.Accept == nil && !in.filter.Empty() {
		opt.Accept = func(c *replay.Call) bool { return in.filter.Match(c, in.names) }
	}
	return opt
}

// narrowed chooses calls beyond the filters of the command line.
type narrowed struct {
	also   *replay.Filter // nil: all
	lessNS int64          // calls that took less; 0: no bound
}

func (n *narrowed) hasFile() bool { return n.also != nil && n.also.HasFile() }

// narrow makes opt accept only what n chooses of what the filters of in do.
func (n *narrowed) narrow(in *input, opt *sequences.Options) {
	if (n.also == nil || n.also.Empty()) && n.lessNS <= 0 {
		return
	}
	opt.Accept = func(call *replay.Call) bool {
		return in.filter.Match(call, in.names) && (n.also == nil || n.also.Match(call, in.names)) && (n.lessNS <= 0 || call.DurNS < n.lessNS)
	}
}

// sequencesFeed sends the whole capture through the streams and, if also is
// not nil, the chosen calls to it. Coverage is complete when it returns.
func sequencesFeed(in *input, st *sequences.Streams, also func([]replay.Call)) error {
	var kept []replay.Call
	err := in.pairs(func(b *format.Batch, calls []replay.Call) error {
		if b != nil {
			st.Push(b, calls)
		} else {
			st.Finish(calls)
		}
		in.Count(calls)
		if also != nil {
			if in.filter.Empty() {
				also(calls)
				return st.Err()
			}
			kept = kept[:0]
			for i := range calls {
				if in.filter.Match(&calls[i], in.names) {
					kept = append(kept, calls[i])
				}
			}
			also(kept)
		}
		return st.Err()
	})
	if err != nil {
		return err
	}
	if !in.filter.HasFile() { // else the session has
		in.WarnUnknownFiles()
	}
	return st.Err()
}

// openSequences opens a capture for streams that are divided as opt says; they
// may be of chosen calls, which asks for more.
func openSequences(c *cobra.Command, args []string, opt sequences.Options, chosen ...narrowed) (*input, error) {
	files := len(opt.Paths) > 0
	for _, n := range chosen {
		files = files || n.hasFile()
	}
	session := sequencesSession(opt)
	session.Files = files
	return openSession(c, args, session)
}

// sequencesSession is what streams that are divided as opt says ask of a session.
func sequencesSession(opt sequences.Options) replay.Options {
	return replay.Options{Columns: sequences.Columns | sequencesLinks(opt), Files: len(opt.Paths) > 0}
}

// sequencesLinks returns the columns that it takes to know which calls
// continue interrupted ones.
func sequencesLinks(opt sequences.Options) format.Columns {
	if opt.SkipContinued {
		return format.ColArgs
	}
	return 0
}

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
// and the filters of the command line.
func sequencesOptions(in *input, opt sequences.Options) sequences.Options {
	if a, ok := sequencesNative(in.Meta()); ok && !opt.HaveNative {
		opt.Native, opt.HaveNative = a, true
	}
	opt.Late = in.Late()
	if !in.filter.Empty() {
		opt.Accept = func(c *replay.Call) bool { return in.filter.Match(c, in.names) }
	}
	return opt
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

// openSequences opens a capture for streams that are divided as opt says.
func openSequences(c *cobra.Command, args []string, opt sequences.Options) (*input, error) {
	return openSession(c, args, replay.Options{Columns: sequences.Columns | sequencesLinks(opt), Files: len(opt.Paths) > 0})
}

// sequencesLinks returns the columns that it takes to know which calls
// continue interrupted ones.
func sequencesLinks(opt sequences.Options) format.Columns {
	if opt.SkipContinued {
		return format.ColArgs
	}
	return 0
}

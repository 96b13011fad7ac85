package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/top"
	"systape/format"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/latency"
	"systape/replay/pace"
)

// topFlags are the flags as the user gave them.
type topFlags struct {
	by    []string
	sort  string
	waits string
	every time.Duration
	speed string
}

func newTopCommand() *cobra.Command {
	var f topFlags
	c := &cobra.Command{
		Use:   "top [flags] FILE…",
		Short: "The table of latency on the whole screen, moved through time by keys",
		Long: `Shows where the time of system calls goes, in the terminal: the figures of 'systape
latency' for the whole time of a capture, or for one window of it after the other.
A spool whose recording goes on is followed, and so is standard input.

Figures of a window are of the calls that began in it, and are those of 'systape
latency' with the same filters and --from and --to; c shows that command line.
Rows with ~ are of calls that wait by nature. The line of blocks is how many calls
began when; time in which events were lost has a ! below it, and the window a ^.

Keys:

` + top.Help() + `
` + inputHelp,
		Example: `  systape top web.parquet
  systape top --by comm,syscall --sort p99 --every 100ms web.parquet
  systape top --speed 10x --container web trace.parquet
  systape top trace.parquet.spool
  ssh web 'systape record -a -o -' | systape top -`,
		RunE: func(c *cobra.Command, args []string) error { return runTop(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.by, "by", []string{"syscall"}, "group by these `keys`: "+strings.Join(latency.KeyNames(), " "))
	flags.StringVar(&f.sort, "sort", "total", "sort by this `column`: a key, or "+strings.Join(latency.SortNames(), " "))
	flags.StringVar(&f.waits, "wait", "apart", "calls that wait by nature: apart, mixed with all others, only or none of them")
	addDuration(flags, &f.every, "every", "", 0, "the `length` of a window: 1, 2 or 5 times a power of ten, such as 500ms (default: 1s, or what suits the capture)")
	flags.StringVar(&f.speed, "speed", "", "play at once: 1x as recorded, 10x, 0.1x")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

// options reads the flags.
func (f *topFlags) options(c *cobra.Command) (o top.Options, err error) {
	if o.By, err = latency.ParseKeys(f.by); err != nil {
		return o, fmt.Errorf("--by: %w", err)
	}
	if o.Sort, err = latency.ParseSort(f.sort, o.By); err != nil {
		return o, fmt.Errorf("--sort: %w", err)
	}
	if o.Waits, err = parseWaits(f.waits); err != nil {
		return o, err
	}
	if o.EveryNS = f.every.Nanoseconds(); c.Flags().Changed("every") && !top.Ladder(o.EveryNS) {
		return o, fmt.Errorf("--every: %v is not 1, 2 or 5 times a power of ten, such as 500ms", f.every)
	}
	if f.speed != "" {
		if o.Speed, err = pace.ParseSpeed(f.speed); err == nil && o.Speed == pace.Max {
			err = errors.New("max would show the end alone: want 1x, 0.1x or 10x")
		}
		if err != nil {
			return o, fmt.Errorf("--speed: %w", err)
		}
	}
	o.Filters, err = filterWords(c)
	return o, err
}

// filterWords returns the filters that c was given, as words that give them again.
func filterWords(c *cobra.Command) (words []string, err error) {
	var filter replay.Filter
	if _, _, err := parseFilter(c.Flags(), &filter); err != nil {
		return nil, err
	}
	visitFilters(c.Flags(), func(name, value string) { words = append(words, "--"+name+"="+value) })
	return words, nil
}

// typedFilters reads filters that were typed on the screen.
func typedFilters(words []string) (filters []string, err error) {
	c := &cobra.Command{}
	addFilterFlags(c)
	if err := c.ParseFlags(words); err != nil {
		return nil, flagError(err)
	}
	if rest := c.Flags().Args(); len(rest) > 0 {
		return nil, fmt.Errorf("%q is no filter: want such as --comm nginx --errno any", rest[0])
	}
	return filterWords(c)
}

func runTop(c *cobra.Command, f *topFlags, args []string) error {
	o, err := f.options(c)
	if err == nil && len(args) == 0 {
		err = errors.New("no capture given")
	}
	if err != nil {
		return usageError(c, err)
	}
	s := &topSource{args: args, known: map[string]bool{}}
	keys, err := topTerminal(c, args)
	if err != nil {
		return err
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(latencyMemory))
	if slices.Contains(args, "-") {
		if s.stdin, err = holdGrowing(c.InOrStdin()); err != nil {
			return err
		}
		defer s.stdin.Close()
		o.Live = true
	} else if o.Live, o.SpanNS, err = s.look(c); err != nil {
		return err
	}
	o.Title, o.Style = pageTitle(args), out.StyleOf(c.OutOrStdout())
	o.Files = args
	o.Read, o.Check, o.Warning = s.read, typedFilters, s.last
	err = top.Run(top.New(c.Context(), o), keys, c.OutOrStdout())
	for _, w := range s.warnings {
		fmt.Fprint(c.ErrOrStderr(), w)
	}
	if s.damaged {
		c.Root().Annotations = map[string]string{damaged: "yes"}
	}
	return err
}

// topTerminal returns where keys come from; nil: the terminal of the process,
// because standard input is the capture.
func topTerminal(c *cobra.Command, args []string) (keys io.Reader, err error) {
	stdin, ok := c.InOrStdin().(*os.File)
	ok = ok && isTerminal(stdin)
	if slices.Contains(args, "-") {
		if ok {
			return nil, usageError(c, errors.New("standard input is the terminal: a capture comes there through a pipe"))
		}
		stdin, ok = nil, true
	}
	if !ok || !isTerminal(c.OutOrStdout()) || os.Getenv("TERM") == "dumb" {
		line := []string{"systape", "latency"}
		visitFilters(c.Flags(), func(name, value string) { line = append(line, "--"+name, value) })
		return nil, &exitError{code: exitFailed, err: errors.New("top needs a terminal for its screen and its keys"),
			hint: escape.Command(append(line, args...)) + " prints the same figures"}
	}
	if stdin == nil {
		return nil, nil
	}
	return stdin, nil
}

// topSource is the capture that the screen has read again and again.
type topSource struct {
	args  []string
	stdin *growing // nil: files

	mu       sync.Mutex
	warnings []string
	known    map[string]bool // those among them
	newest   string
	damaged  bool
}

// Write takes a warning.
func (s *topSource) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := string(b); !s.known[w] && len(s.warnings) < 100 {
		s.known[w] = true
		s.warnings = append(s.warnings, w)
		s.newest = strings.TrimPrefix(strings.TrimSpace(w), "systape: ")
	}
	return len(b), nil
}

func (s *topSource) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// look finds out, before there is a screen, whether the capture can be opened,
// how long it is (0: not known), and whether its recording goes on.
func (s *topSource) look(c *cobra.Command) (live bool, spanNS int64, err error) {
	tail, err := s.tail(c.Context())
	if err != nil {
		return false, 0, err
	}
	if tail != nil {
		return true, 0, tail.Close()
	}
	r, err := format.Open(s.args, format.ReadOptions{Nodes: nodesOf(c), Warn: func(error) {}})
	if err != nil {
		return false, 0, inputError(err)
	}
	defer r.Close()
	for _, p := range r.Meta().Probes {
		if p.Name == "sys_enter" && p.DetachNS > p.AttachNS && p.AttachNS != 0 {
			spanNS = p.DetachNS - p.AttachNS
		}
	}
	return false, spanNS, nil
}

// tail opens the spool of a recording that goes on; nil if there is none.
func (s *topSource) tail(ctx context.Context) (*replayTail, error) {
	if len(s.args) != 1 {
		return nil, nil
	}
	if info, err := os.Stat(s.args[0]); err == nil && info.IsDir() {
		return nil, nil
	}
	return openReplayTail(ctx, s.args[0])
}

// read is a [top.Reader].
func (s *topSource) read(ctx context.Context, a top.Ask, p *top.Pass) (err error) {
	c := &cobra.Command{Use: "top"}
	(&cobra.Command{Use: "systape"}).AddCommand(c) // its name in hints
	c.SetContext(ctx)
	c.SetErr(s)
	addFilterFlags(c)
	if err := c.ParseFlags(a.Filters); err != nil {
		return flagError(err)
	}
	args, opt := s.args, replay.Options{}
	switch {
	case s.stdin != nil:
		r := s.stdin.reader(ctx)
		c.SetIn(r)
		args, opt.Live = []string{"-"}, true
	default:
		tail, err := s.tail(ctx)
		if err != nil {
			return err
		}
		if tail != nil {
			defer tail.Close()
			c.SetIn(tail)
			args, opt.Live = []string{"-"}, true
		}
	}
	view := &latencyFlags{}
	opt.Columns, opt.Files = view.columns(a.By), view.byFile(a.By)
	in, err := openSession(c, args, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	begin, _, err := in.Begin()
	if err != nil {
		return inputError(err)
	}
	k := top.Known{Meta: in.Meta(), Symbols: in.names, OriginNS: begin, From: in.filter.From, To: in.filter.To, Growing: opt.Live}
	k.Options.Use, k.Options.Nodes = latencyStatuses(in.filter, a.By), []string{in.Meta().Host.Name}
	p.Begin(k)
	if a.From != 0 {
		in.filter.From = max(in.filter.From, a.From)
	}
	if a.To != 0 && (in.filter.To == 0 || a.To < in.filter.To) {
		in.filter.To = a.To
	}
	err = in.calls(func(calls []replay.Call) error {
		p.Add(calls, in.Losses())
		return nil
	})
	if err != nil {
		return err
	}
	p.End(in)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged = s.damaged || c.Root().Annotations[damaged] != ""
	return nil
}

// growing is standard input, copied to a temporary file as it comes, so that it
// can be read again.
type growing struct {
	file *os.File

	mu   sync.Mutex
	size int64
	over bool
}

func holdGrowing(r io.Reader) (*growing, error) {
	f, err := os.CreateTemp("", "systape-*.spool")
	if err != nil {
		return nil, fmt.Errorf("hold standard input: %w", err)
	}
	os.Remove(f.Name()) // so that nothing is left behind; where that cannot be yet, Close does it
	g := &growing{file: f}
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := r.Read(b)
			if n > 0 {
				if _, werr := f.WriteAt(b[:n], g.size); werr != nil {
					err = werr
					n = 0
				}
			}
			g.mu.Lock()
			g.size += int64(n)
			g.over = g.over || err != nil
			g.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return g, nil
}

// Close removes the copy.
func (g *growing) Close() error {
	err := g.file.Close()
	os.Remove(g.file.Name())
	return err
}

func (g *growing) reader(ctx context.Context) io.Reader { return &growingReader{g: g, ctx: ctx} }

// growingReader reads what has come from its beginning, and waits for more.
type growingReader struct {
	g   *growing
	ctx context.Context
	at  int64
}

func (r *growingReader) Read(b []byte) (int, error) {
	for {
		r.g.mu.Lock()
		size, over := r.g.size, r.g.over
		r.g.mu.Unlock()
		if left := size - r.at; left > 0 {
			n, err := r.g.file.ReadAt(b[:min(int64(len(b)), left)], r.at)
			r.at += int64(n)
			return n, err
		}
		if over {
			return 0, io.EOF
		}
		select {
		case <-r.ctx.Done():
			return 0, io.EOF
		case <-time.After(replayPoll):
		}
	}
}

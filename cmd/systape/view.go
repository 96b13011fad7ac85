package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"systape/cmd/systape/internal/page"
	"systape/replay"
	"systape/replay/index"
)

// viewFlags are the flags as the user gave them.
type viewFlags struct {
	listen string
	noOpen bool
	follow bool
}

func newViewCommand() *cobra.Command {
	var f viewFlags
	c := &cobra.Command{
		Use:   "view [flags] FILE… [-- FILE…]",
		Short: "Look at a capture in the browser, or at two side by side",
		Long: `Serves the page that 'systape report' writes, on this machine, until it is
interrupted: with more detail the nearer one looks, down to single calls with
their arguments. The page is there at once and fills while the capture is read.

With --follow it shows a recording that goes on, as its spool grows, until the
recording has ended; what is there can be looked at as any capture meanwhile.

With -- between two captures they stand side by side, with the verdict of
'systape compare' on what is selected: each picture of both, one above the other
in the histogram and the table. Times are from the begin of each.

It listens on 127.0.0.1 at a free port, and answers only who knows the token in
the address that it prints. On a terminal it opens that address in the browser.

` + inputHelp,
		Example: `  systape view trace.parquet
  systape view --no-open --listen 127.0.0.1:8080 trace.parquet
  systape view --syscall %file --container web trace.parquet
  systape view before.parquet -- after.parquet
  systape record -a -o trace.parquet & systape view --follow trace.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runView(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "listen at this `address`; others than this machine can reach it only if it says so")
	flags.BoolVar(&f.follow, "follow", false, "wait for more at the end of a spool, until its recording ends")
	flags.BoolVar(&f.noOpen, "no-open", false, "print the address only")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

func runView(c *cobra.Command, f *viewFlags, args []string) error {
	stdin, done, err := holdStdin(c, args)
	if err != nil {
		return err
	}
	defer done()
	if len(args) == 0 {
		return usageError(c, errors.New("no capture given"))
	}
	if f.follow && (len(args) != 1 || args[0] == "-") {
		return usageError(c, errors.New("--follow shows one spool"))
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return usageError(c, fmt.Errorf("--listen %s: want HOST:PORT, such as 127.0.0.1:0", f.listen))
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listening for the browser: %w", err)
	}
	defer boundHeap()()
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	c.SetContext(ctx)
	var asking sync.Mutex
	server := &page.Server{Answers: map[string]http.HandlerFunc{}}
	var sides []*viewer
	for _, files := range viewSides(args, c.ArgsLenAtDash()) {
		v := &viewer{c: c, args: files, stdin: stdin, asking: &asking}
		prefix := []string{"", "b/"}[len(sides)]
		server.Answers[prefix+"data.json"] = v.data
		server.Answers[prefix+"rest.json"] = v.rest
		server.Answers[prefix+"calls.json"] = v.asked(v.single)
		server.Answers[prefix+"sequences.json"] = v.asked(v.sequences)
		sides = append(sides, v)
	}
	server.Title, server.Sides = pageTitle(sides[0].args), len(sides)
	if len(sides) == 2 {
		server.Title += " — " + pageTitle(sides[1].args)
		server.Answers["comparison.json"] = sides[0].asked(sides[1].comparison)
	}
	address := server.Address(listener.Addr(), host)
	h := &http.Server{Handler: server, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- h.Serve(listener) }()
	defer h.Close()
	fmt.Fprintln(c.OutOrStdout(), address)
	if file, ok := c.ErrOrStderr().(*os.File); ok && !f.noOpen && term.IsTerminal(int(file.Fd())) {
		openBrowser(address)
	}
	for _, v := range sides {
		read := v.read
		if f.follow {
			read = v.follow
		}
		if err := read(); err != nil {
			if ctx.Err() != nil {
				return nil // who looks has seen enough
			}
			return err
		}
		defer v.source.in.Close()
	}
	for _, v := range sides {
		v.readRest()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return fmt.Errorf("serving the page: %w", err)
	}
}

// viewSides divides the arguments at the --.
func viewSides(args []string, dash int) [][]string {
	if dash <= 0 || dash == len(args) {
		return [][]string{args}
	}
	return [][]string{args[:dash], args[dash:]}
}

// openBrowser asks the system to open an address. That it could not is no
// failure: the address stands on standard output.
func openBrowser(address string) {
	command := []string{"xdg-open", address}
	switch runtime.GOOS {
	case "darwin":
		command[0] = "open"
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler", address}
	}
	cmd := exec.Command(command[0], command[1:]...)
	if cmd.Start() == nil {
		go cmd.Wait()
	}
}

// viewer answers a page's questions.
type viewer struct {
	c      *cobra.Command
	args   []string
	stdin  io.Reader
	mu     sync.Mutex
	early  []byte      // the page of what was read so far
	source *pageSource // nil until all is read, or it is followed
	grows  *followed   // nil: it is not followed, or has ended
	page   *page.Page  // of all
	whole  []byte      // and as it is sent
	shared bool        // the slowest calls come after the page
	// answerRest is what comes after the page, as it is sent.
	answerRest []byte
	asking     *sync.Mutex // one question that reads the capture again at a time
}

// viewBytes bounds what is sent at a time.
const viewBytes = 4 << 20

// read reads the capture up to its first whole page, and says in between what
// there is.
func (v *viewer) read() error {
	s, err := v.readShared()
	if err != nil {
		return err
	}
	if s != nil {
		v.shared = true
		return v.settle(s)
	}
	wait, next := earlyAfter, time.Now().Add(earlyAfter)
	s, err = readPage(v.c, v.args, v.stdin, pageReading{seen: func(s *pageSource) error {
		began := time.Now()
		if began.Before(next) {
			return nil
		}
		s.Index.Settle()
		if err := v.showSoFar(&s.Source); err != nil {
			return err
		}
		wait = nextEarly(wait, time.Since(began)) // so that it costs little however long the capture
		next = time.Now().Add(wait)
		return nil
	}})
	if err != nil {
		return err
	}
	return v.settle(s)
}

// settle makes the page of a capture that was read; more comes, see readRest.
func (v *viewer) settle(s *pageSource) error {
	s.Pending = true
	whole, err := page.Build(&s.Source, index.Selection{}, viewBytes)
	if err != nil {
		return err
	}
	b, err := sent(whole)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.source, v.page, v.whole, v.early, v.grows = s, whole, b, nil, nil
	v.answerRest, err = json.Marshal(s.Rest())
	return err
}

func build(s *page.Source, part index.Selection, size int) ([]byte, error) {
	p, err := page.Build(s, part, size)
	if err != nil {
		return nil, err
	}
	return sent(p)
}

// sent is a page as it goes to the browser.
func sent(p *page.Page) ([]byte, error) {
	p.Live = true
	return json.Marshal(p)
}

// data answers with the page of the time between from and to, ns since the
// origin, or of all.
func (v *viewer) data(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.whole
	if v.grows != nil {
		v.grows.begin()
	}
	switch {
	case v.source == nil && v.early == nil:
		b, _ = json.Marshal(page.Page{Version: page.Version, Live: true, Reading: page.Reading{Of: -1}})
	case v.source == nil:
		b = v.early
	case r.FormValue("to") != "":
		from, err := strconv.ParseInt(r.FormValue("from"), 10, 64)
		to, err2 := strconv.ParseInt(r.FormValue("to"), 10, 64)
		if err != nil || err2 != nil || from < 0 || from >= to || to > 1<<62 {
			http.Error(w, "from and to are no times", http.StatusBadRequest)
			return
		}
		if b, err = v.part(r.Context(), v.source.OriginNS+from, v.source.OriginNS+to); err != nil {
			http.Error(w, inLine(err), http.StatusInternalServerError)
			return
		}
	case v.grows != nil:
		if err := v.grows.catchUp(); err != nil {
			http.Error(w, inLine(err), http.StatusInternalServerError)
			return
		}
		b = v.grows.page
	}
	w.Write(b)
}

// part is the page of a stretch of time. It is called with mu held; a capture
// that is no longer followed is read without it.
func (v *viewer) part(ctx context.Context, from, to int64) ([]byte, error) {
	s := v.source.Source
	if v.grows == nil {
		whole := v.source
		v.mu.Unlock()
		defer v.mu.Lock()
		var err error
		if s.Finer, err = v.finer(ctx, whole, from, to); err != nil {
			return nil, err
		}
	}
	return build(&s, index.Selection{Filter: &replay.Filter{From: from, To: to}}, viewBytes)
}

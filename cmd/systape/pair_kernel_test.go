//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"systape/format"
	"systape/format/abi"
	"systape/internal/kerneltest"
	"systape/replay"
)

const pairPrograms = "../../testdata/programs"

// pairCompile builds the programs of testdata/programs into a folder.
func pairCompile(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		args := []string{"-O1", "-static", "-pthread"}
		if n == "i386_child" {
			args = []string{"-O1", "-m32", "-nostdlib", "-static", "-fno-pic", "-no-pie", "-fno-stack-protector"}
		}
		args = append(args, "-Wno-unused-result", "-o", filepath.Join(dir, n), filepath.Join(pairPrograms, n+".c"))
		if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("compile %s: %v\n%s", n, err, out)
		}
	}
	return dir
}

// pairRecord runs systape record in this process.
func pairRecord(t *testing.T, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	args = append([]string{"record"}, args...)
	if code := run(context.Background(), args, strings.NewReader(""), io.Discard, &stderr); code != 0 {
		t.Fatalf("systape %s: exit code %d\n%s", strings.Join(args, " "), code, stderr.String())
	}
}

// pairRead pairs a capture and holds its sums against the recorder's.
func pairRead(t *testing.T, file string) (events []format.Event, calls []replay.Call, cov replay.Coverage, names *format.SymbolTable) {
	t.Helper()
	r, err := format.Open([]string{file}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := replay.NewPairer(replay.PairOptions{Meta: r.Meta()})
	var sums replay.Conservation
	var b format.Batch
	for {
		err := r.Next(&b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sums.Events(&b)
		for i := range b.N {
			events = append(events, b.At(i))
		}
		if calls, err = p.Push(&b, calls); err != nil {
			t.Fatal(err)
		}
	}
	p.Learn(r.Meta())
	calls = p.Finish(calls)
	sums.Calls(calls)
	for _, c := range sums.Report(r.Meta(), p.Coverage()).Checks {
		if !c.OK {
			t.Errorf("%s: %s", c.Rule, c.Detail)
		}
	}
	return events, calls, p.Coverage(), r.Symbols()
}

var pairField = regexp.MustCompile(`(?m)^ \* (watch|needs|threads): (.*)$`)
var pairLine = regexp.MustCompile(`(?m)^ \*   ((?:main|t\d+): .*)$`)

// TestKernelPrograms records every program of testdata/programs that says what
// a capture of it must hold, and holds the calls against it.
func TestKernelPrograms(t *testing.T) {
	kerneltest.Require(t)
	files, err := filepath.Glob(pairPrograms + "/*.c")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".c")
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, m := range pairLine.FindAllSubmatch(src, -1) {
			want = append(want, string(m[1]))
		}
		if want == nil {
			continue
		}
		fields := map[string][]string{}
		for _, m := range pairField.FindAllSubmatch(src, -1) {
			fields[string(m[1])] = strings.Fields(string(m[2]))
		}
		ran++
		t.Run(name, func(t *testing.T) {
			dir := pairCompile(t, append(fields["needs"], name)...)
			capture := filepath.Join(dir, "capture.parquet")
			pairRecord(t, "-q", "-f", "-o", capture, "--", filepath.Join(dir, name))
			events, calls, cov, names := pairRead(t, capture)
			if cov.LostEvents != 0 || cov.Unexplained != 0 {
				t.Errorf("%d events lost, %d calls unexplained", cov.LostEvents, cov.Unexplained)
			}
			got := pairLines(events, calls, names, fields["watch"], fields["threads"])
			if !slices.Equal(got, want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
	if ran < 15 {
		t.Errorf("only %d programs ran", ran)
	}
}

// pairLines writes the watched calls after the program's mark the way the
// programs' comments do, thread by thread.
func pairLines(events []format.Event, calls []replay.Call, names *format.SymbolTable, watch, threads []string) []string {
	from := int64(-1)
	var labels []string
	label := map[int32]string{} // of the thread that has the id now
	at := make([]string, len(events))
	for i, e := range events {
		if from < 0 && e.Kind == format.Enter && e.Syscall == "close" && e.Args[0] == 0x5afe0001 {
			from = e.Seq
			label[e.TID] = "main"
			labels = append(labels, "main")
		}
		if e.Kind == format.Fork && from >= 0 {
			l := fmt.Sprintf("t%d", len(labels))
			label[int32(e.Args[format.ForkTID])] = l
			labels = append(labels, l)
		}
		at[i] = label[e.TID]
	}
	slices.SortFunc(calls, func(a, b replay.Call) int { return int(pairBegin(&a) - pairBegin(&b)) })
	var lines []string
	for _, l := range labels {
		if threads != nil && !slices.Contains(threads, l) {
			continue
		}
		number := map[int64]int{} // of the thread's lines, by enter
		n := 0
		for i := range calls {
			c := &calls[i]
			call := names.String(c.Syscall)
			if pairBegin(c) <= from || at[pairBegin(c)] != l || !slices.Contains(watch, call) || names.String(c.Comm) == "helper" {
				continue
			}
			n++
			number[c.EnterSeq] = n
			line := l + ": " + call
			if c.ABI != abi.X86_64 {
				line += " " + c.ABI.String()
			}
			line += " " + c.Status.String()
			switch e := c.Errno(); {
			case e != 0:
				line += " " + abi.ErrnoName(c.ABI, e)
			case c.ExitSeq >= 0 && c.Status != replay.Sigreturn && c.Status != replay.Restarted && pairTellsResult[call] && c.Status != replay.Mismatch,
				c.Status == replay.ChildReturn:
				line += fmt.Sprintf(" %d", c.Ret)
			}
			if c.Continues >= 0 {
				line += fmt.Sprintf(" continues %d", number[c.Continues])
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// pairTellsResult names the calls whose results are the same on every run.
var pairTellsResult = map[string]bool{"read": true, "nanosleep": true, "restart_syscall": true, "execve": true, "execveat": true, "uname": true, "getsid": true}

func pairBegin(c *replay.Call) int64 {
	if c.EnterSeq >= 0 {
		return c.EnterSeq
	}
	return c.ExitSeq
}

// TestKernelAttachInMidCall attaches to a process that is inside read and
// detaches while it is inside pause.
func TestKernelAttachInMidCall(t *testing.T) {
	kerneltest.Require(t)
	dir := pairCompile(t, "mid_call")
	program := exec.Command(filepath.Join(dir, "mid_call"))
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Process.Kill(); program.Wait() })
	began := time.Now()
	inCall := func(nr string) {
		for {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", program.Process.Pid))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(text), nr+" ") {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	inCall("0")
	capture := filepath.Join(dir, "capture.parquet")
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The spool is there once the programs are attached, or soon after.
		for {
			if _, err := os.Stat(capture + ".spool"); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		stdin.Write([]byte{'x'})
	}()
	pairRecord(t, "-q", "-p", fmt.Sprint(program.Process.Pid), "-d", "2500ms", "-o", capture)
	lasted := time.Since(began).Nanoseconds()
	<-done
	_, calls, _, names := pairRead(t, capture)
	var got []string
	for i := range calls {
		c := &calls[i]
		got = append(got, names.String(c.Syscall)+" "+c.Status.String())
		if c.Status != replay.OK && (c.DurNS <= 0 || c.DurNS > lasted) {
			t.Errorf("%s lasted at least %d ns, all of it took %d", got[i], c.DurNS, lasted)
		}
	}
	if want := []string{"read open_at_start", "getppid ok", "pause open_at_end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestKernelLossInMidCall records more than a tiny buffer takes. Each lseek
// returns what it was asked for, so that a wrong pair is found out.
func TestKernelLossInMidCall(t *testing.T) {
	kerneltest.Require(t)
	dir := pairCompile(t, "lost_in_mid_call")
	capture := filepath.Join(dir, "capture.parquet")
	pairRecord(t, "-q", "-f", "--buffer", "64KiB", "-o", capture, "--", filepath.Join(dir, "lost_in_mid_call"))
	_, calls, cov, names := pairRead(t, capture)
	if cov.LostEvents == 0 {
		t.Fatal("nothing was lost: the test says nothing")
	}
	var seeks, ok int
	for i := range calls {
		c := &calls[i]
		if names.String(c.Syscall) != "lseek" {
			continue
		}
		seeks++
		if c.Status == replay.OK {
			ok++
			if c.Ret != c.Args[1] {
				t.Errorf("lseek to %d returned %d: enter %d and exit %d are of different calls", c.Args[1], c.Ret, c.EnterSeq, c.ExitSeq)
			}
		}
	}
	if ok < seeks/10 {
		t.Errorf("only %d of %d calls are ok", ok, seeks)
	}
	t.Logf("%d events lost, %d of %d calls ok: %v", cov.LostEvents, ok, seeks, cov)
}

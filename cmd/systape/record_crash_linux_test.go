package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"systape/format"
)

// recordKilled kills the recorder under load at random moments. All events but
// those of the last second are on the spool, recover makes a capture of them
// that holds, and the recorded program never notices.
func recordKilled(t *testing.T, r recorder) {
	const rounds = 50
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	var worst time.Duration
	empty := 0
	for round := range rounds {
		dir := t.TempDir()
		file, ran := filepath.Join(dir, "t.parquet"), filepath.Join(dir, "ran")
		pause := []string{"1000", "300", "1000", "100", "1000", "0", "300"}[round%7]
		c := r.command(t, "record", "-q", "-o", file, "--", r.program("busy"), pause)
		out, err := os.Create(ran)
		if err != nil {
			t.Fatal(err)
		}
		c.Stdout, c.Stderr = out, os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the command", func() bool { text, _ := os.ReadFile(ran); return len(text) > 0 })
		child := childOf(c.Process.Pid)
		began := time.Now().UnixNano()
		early := round%4 == 0 // perhaps before anything has reached the spool
		if !early {
			waitFor(t, "events on the spool", spoolGrows(file))
		}
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
		killed := time.Now().UnixNano()
		c.Process.Kill()
		c.Wait()
		hint := fmt.Sprintf("seed %d, round %d, pause %s", seed, round, pause)
		time.Sleep(10 * time.Millisecond)
		syscall.Kill(child, syscall.SIGTERM)
		waitFor(t, "the recorded program to end well, "+hint, func() bool {
			text, _ := os.ReadFile(ran)
			return strings.HasPrefix(string(text), "ready\n") && strings.HasSuffix(string(text), " rounds\n")
		})
		out.Close()
		saved := filepath.Join(dir, "saved.parquet")
		got := r.run(t, "recover", file+".spool", "-o", saved)
		if got.code != 0 || !strings.Contains(got.out, " rows saved") {
			t.Fatalf("%s: recover: %+v", hint, got)
		}
		r.succeed(t, "verify", saved)
		rows, last, meta := lastTime(t, saved)
		if meta.Complete || meta.Recovered == "" || !strings.Contains(got.out, " "+comma(rows)+" rows saved") {
			t.Errorf("%s: %d rows, complete %v, %q: %s", hint, rows, meta.Complete, meta.Recovered, got.out)
		}
		if rows == 0 && !early {
			t.Errorf("%s: the events that were on the spool are gone", hint)
		}
		if rows == 0 {
			empty++
			last = began
		}
		worst = max(worst, time.Duration(killed-last))
		if killed-last > int64(time.Second) {
			t.Errorf("%s: the last event is from %v before the end", hint, time.Duration(killed-last))
		}
		os.RemoveAll(dir)
	}
	t.Logf("seed %d: %d recordings, %d of them killed before their first event was written; at worst the last %v missing", seed, rounds, empty, worst)
}

func comma(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// lastTime returns how many events a capture has and the time of the last, and
// checks the order of all of them.
func lastTime(t *testing.T, file string) (rows, last int64, meta *format.Meta) {
	t.Helper()
	reader, err := format.Open([]string{file}, format.ReadOptions{Columns: format.ColTS | format.ColSeq})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var b format.Batch
	for reader.Next(&b) == nil {
		for i := range b.N {
			if b.TS[i] < last || b.Seq[i] != rows {
				t.Fatalf("%s: row %d: time %d after %d", file, b.Seq[i], b.TS[i], last)
			}
			last = b.TS[i]
			rows++
		}
	}
	return rows, last, reader.Meta()
}

// childOf returns the first child of a process, 0 if it has none.
func childOf(pid int) (child int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		if b, _ := os.ReadFile(task); len(b) > 0 {
			fmt.Sscan(string(b), &child)
		}
	}
	return child
}

// smallDisk mounts a file system of that size, until the test ends.
func smallDisk(t *testing.T, size string) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "full")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(folder, unix.MNT_DETACH) })
	return folder
}

// recordFullDisk: a full disk ends the recording with a clear message, never
// the command, and what was written before can be read and recovered.
func recordFullDisk(t *testing.T, r recorder) {
	full := smallDisk(t, "6m")
	file := filepath.Join(full, "t.parquet")
	const made = 2_000_000
	got := r.run(t, "record", "-o", file, "--", r.program("noise"), fmt.Sprint(made))
	if got.code != recordFailed || got.out != fmt.Sprintf("made %d calls\n", made) {
		t.Fatalf("got code %d, output %q; want 125 and the command's\n%s", got.code, got.out, got.stderr)
	}
	for _, want := range []string{"recording stopped: ", "no space left on device", "hint: ", "systape recover " + file + ".spool"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("got %q, which does not say %q", got.stderr, want)
		}
	}
	left, _ := filepath.Glob(filepath.Join(full, "*"))
	if len(left) != 1 || left[0] != file+".spool" {
		t.Fatalf("got files %q, want the spool alone", left)
	}
	spool, err := os.Stat(left[0])
	if err != nil || spool.Size() < 4<<20 {
		t.Errorf("the spool has %d bytes %v, want most of 6 MiB", spool.Size(), err)
	}
	saved := filepath.Join(t.TempDir(), "saved.parquet")
	rescue := r.succeed(t, "recover", left[0], "-o", saved)
	events := r.check(t, saved)
	if info := r.info(t, saved); info.Complete || info.Rows != int64(len(events)) || !strings.Contains(rescue.out, comma(info.Rows)+" rows saved") {
		t.Errorf("got %+v and %q for %d events", info, rescue.out, len(events))
	}
	n, lost := int64(0), false
	for _, e := range events {
		lost = lost || e.Kind == format.Lost
		if e.Kind != format.Enter || e.Syscall != "lseek" || e.Args[0] != -1000 {
			continue
		}
		if want := [6]int64{-1000, int64(uint64(n) * 0x9e3779b97f4a7c15), 7}; e.Args != want && !lost {
			t.Fatalf("lseek %d has arguments %v, want %v", n, e.Args, want)
		}
		n++
	}
	if n < 10_000 || n == made {
		t.Errorf("%d calls saved of %d", n, made)
	}
	// The spool itself reads as a capture, with a warning.
	if warned := r.run(t, "info", left[0]); warned.code != 0 || !strings.Contains(warned.stderr, "warning: ") {
		t.Errorf("info of the spool: %+v", warned)
	}
	t.Logf("%d calls in %d bytes of spool before the disk was full", n, spool.Size())
}

// recordDiskFullAtOnce: a disk that is full before the first events are on it.
func recordDiskFullAtOnce(t *testing.T, r recorder) {
	full := smallDisk(t, "8k")
	got := r.run(t, "record", "-o", filepath.Join(full, "t.parquet"), "--", r.program("noise"), "200000")
	want := "systape: recording stopped: write " + filepath.Join(full, "t.parquet.spool") + ": no space left on device: no event was recorded\n" +
		"hint: name a file on a disk that has space with -o\n" +
		"systape: the command went on to its end: exit code 7\n"
	if got.code != recordFailed || got.out != "made 200000 calls\n" || got.stderr != want {
		t.Errorf("got %+v, want %s", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(full, "*")); len(left) != 0 {
		t.Errorf("got files %q", left)
	}
}

// recordLoss: with buffers far too small for the load of all CPUs, what is
// lost is counted, dated and said, and the sums hold.
func recordLoss(t *testing.T, r recorder) {
	for range 2 {
		background(t, nil, r.program("busy"), "0")
	}
	file := filepath.Join(t.TempDir(), "t.parquet")
	got := r.succeed(t, "record", "-a", "-d", "500ms", "--buffer", "64KiB", "-o", file)
	events := r.whole(t, file)
	lost := int64(0)
	for _, e := range events {
		if e.Kind != format.Lost {
			continue
		}
		lost += e.Args[format.LostCount]
		if first, last := e.Args[format.LostFirst], e.Args[format.LostLast]; first != e.TS || last < first || e.Args[format.LostCount] <= 0 {
			t.Errorf("lost row %+v", e)
		}
	}
	if lost == 0 {
		t.Fatal("nothing was lost: the test says nothing")
	}
	if info := r.info(t, file); info.Lost != lost {
		t.Errorf("info says %d events were lost, the rows say %d", info.Lost, lost)
	}
	for _, want := range []string{" " + comma(lost) + " lost, ", "hint: ", "--buffer 256KiB"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("got %q, which does not say %q", got.stderr, want)
		}
	}
	t.Logf("%d events, %d lost", len(events), lost)
}

// recordSlowDisk: nobody takes what is written until the command has ended, and
// more waits than the recorder may hold. What is lost then is not blamed on the
// kernel's buffers.
func recordSlowDisk(t *testing.T, r recorder) {
	const made = 3_000_000 // of about 27 bytes each half, where 64 MiB may wait
	c := r.command(t, "record", "-o", "-", "--", r.program("noise"), fmt.Sprint(made), "wide")
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stderr)
	if line, err := said.ReadString('\n'); err != nil || line != fmt.Sprintf("made %d calls\n", made) {
		t.Fatalf("the command says %q, %v", line, err)
	}
	file := filepath.Join(t.TempDir(), "t.spool")
	spool, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	_, copyErr := io.Copy(spool, stdout)
	hint, readErr := io.ReadAll(said)
	if err := errors.Join(copyErr, readErr, spool.Close()); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 7 {
		t.Fatalf("got code %d, want the command's\n%s", code, hint)
	}
	r.succeed(t, "verify", file)
	reader, err := format.Open([]string{file}, format.ReadOptions{Kinds: []format.Kind{format.Lost}})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	lost, disk := int64(0), int64(0)
	for e, err := range reader.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != format.Lost {
			continue
		}
		lost += e.Args[format.LostCount]
		if format.Cause(e.Args[format.LostCause]) == format.CauseDropped {
			disk += e.Args[format.LostCount]
		}
	}
	if disk == 0 || disk < lost/2 {
		t.Errorf("%d events lost, %d of them to the disk", lost, disk)
	}
	for want, there := range map[string]bool{" " + comma(lost) + " lost, ": true, "hint: the disk was full or slower": true, "--buffer": false} {
		if strings.Contains(string(hint), want) != there {
			t.Errorf("got %q; has it %q: want %v", hint, want, there)
		}
	}
}

package sequences_test

import (
	"cmp"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"systape/format/abi"
	"systape/replay/sequences"
)

// TestADFALD repeats figures that were measured on ADFA-LD (Creech, Hu, 2013)
// with other code: training 833 traces, all 4372 of the validation set as
// normal ones, 746 attacks. The data set may not be stored here:
// SYSTAPE_ADFA_LD names a copy of it.
func TestADFALD(t *testing.T) {
	root := os.Getenv("SYSTAPE_ADFA_LD")
	if root == "" {
		t.Skip("SYSTAPE_ADFA_LD does not name a copy of the ADFA-LD data set")
	}
	read := func(pattern string, want int) (lists [][]string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) != want {
			t.Fatalf("%s: %d files, %v; want %d", pattern, len(files), err, want)
		}
		slices.Sort(files)
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, strings.Fields(string(raw)))
		}
		return lists
	}
	training := read("Training_Data_Master/*.txt", 833)
	normal := read("Validation_Data_Master/*.txt", 4372)
	attacks := read("Attack_Data_Master/*/*.txt", 746)

	opt := sequences.Options{Native: abi.I386}
	b := train(t, sequences.BaselineOptions{N: []int{3, 6}, Order: 5}, opt, training...)
	if _, n := b.Windows(3); n != 10504 {
		t.Errorf("%d distinct windows of 3, want 10504", n)
	}
	if _, n := b.Windows(6); n != 59885 {
		t.Errorf("%d distinct windows of 6, want 59885", n)
	}
	score := func(lists [][]string) (byMetric map[string][]float64) {
		byMetric = map[string][]float64{}
		a := b.Alphabet()
		feed(t, b.Options(), a, lists, sequences.NewScorer(b, a, noNames, sequences.ScoreOptions{OnStream: func(s *sequences.StreamScore) {
			for _, m := range s.Metrics() {
				byMetric[m.Name] = append(byMetric[m.Name], m.Value)
			}
		}}))
		return byMetric
	}
	neg, pos := score(normal), score(attacks)
	for _, c := range []struct {
		metric         string
		auc, tolerance float64
		fpr, detection float64
	}{
		{"novel_3", 0.6951, 0.00005, 0.01, 0.1702},
		{"novel_6", 0.8273, 0.00005, 0.05, 0.2185},
		{"bits_mean", 0.8395, 0.0005, 0, 0},
	} {
		if got := auc(neg[c.metric], pos[c.metric]); math.Abs(got-c.auc) > c.tolerance {
			t.Errorf("%s: AUC %.5f, want %.4f", c.metric, got, c.auc)
		}
		if c.fpr > 0 {
			if got := detection(neg[c.metric], pos[c.metric], c.fpr); math.Abs(got-c.detection) > 0.00005 {
				t.Errorf("%s: %.5f detected at %v false alarms, want %.4f", c.metric, got, c.fpr, c.detection)
			}
		}
	}
}

// auc is the probability that a positive scores above a negative, ties half.
func auc(neg, pos []float64) float64 {
	type sample struct {
		v   float64
		pos bool
	}
	all := make([]sample, 0, len(neg)+len(pos))
	for _, v := range neg {
		all = append(all, sample{v, false})
	}
	for _, v := range pos {
		all = append(all, sample{v, true})
	}
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.v, b.v) })
	wins, below := 0.0, 0.0
	for i := 0; i < len(all); {
		j, n, p := i, 0.0, 0.0
		for ; j < len(all) && all[j].v == all[i].v; j++ {
			if all[j].pos {
				p++
			} else {
				n++
			}
		}
		wins += p * (below + n/2)
		below += n
		i = j
	}
	return wins / float64(len(neg)) / float64(len(pos))
}

// detection is the share of positives strictly above the lowest threshold
// that at most fpr of the negatives exceed.
func detection(neg, pos []float64, fpr float64) float64 {
	v := slices.Sorted(slices.Values(neg))
	threshold := v[len(v)-1-int(fpr*float64(len(v)))]
	n := 0
	for _, p := range pos {
		if p > threshold {
			n++
		}
	}
	return float64(n) / float64(len(pos))
}

func TestAUC(t *testing.T) {
	if got := auc([]float64{1, 2, 3}, []float64{2, 4}); math.Abs(got-0.75) > 1e-12 {
		t.Errorf("AUC %v, want 4.5 of 6", got)
	}
	if got := detection([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []float64{9.5, 10.5, 1}, 0.1); math.Abs(got-2.0/3) > 1e-12 {
		t.Errorf("detected %v, want 2 of 3", got)
	}
}

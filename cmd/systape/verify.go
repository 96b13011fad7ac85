package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/format/signature"
	"systape/replay"
	"systape/replay/escape"
)

// newVerifyCommand makes the command that checks captures.
func newVerifyCommand() *cobra.Command {
	var formatName, key string
	c := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Check a capture against the rules of its format",
		Long: `Checks a capture: that its files are whole and every byte can be read (R1 to
R5), that no event is missing or out of order (R6, R7), that its rows are as
the format demands (R8 to R10) and its parts complete (R11, R12); and that every
event belongs to exactly one call and is accounted for by the kernel's own
counters (C1 to C5). It goes on after the first finding, and after damage with
what follows it; a rule about what could not be read is not checked. The rules
stand in format/FORMAT.md.

With --key the signatures of 'record --sign' are checked, too: that every file is
as it was when it was signed (S1), and that no part was removed or replaced (S2):
their order is told inside, and names of files say nothing. The public key is the
trace.key.pub that 'record --sign trace.key' wrote, or a text of minisign's; a
signature is the FILE.minisig beside each file. A capture without one does not hold
then. A bundle or a redacted capture that was signed with minisign -S is checked,
too, but for S2: only a recorder's signature tells of parts.

The exit code is 0 if everything holds and 3 if anything does not.

` + fileHelp + partsHelp + `
Of several recordings, such as a dataset's, each is checked by itself, and has a
document of its own with --format json.`,
		Example: `  systape verify trace.parquet
  systape verify trace-1.parquet trace-2.parquet
  systape verify --key trace.key.pub traces/
  systape verify --format json trace.parquet | jq '.rules[] | select(.ok | not)'`,
		RunE: func(c *cobra.Command, args []string) error { return runVerify(c, args, formatName, key) },
	}
	c.Flags().StringVar(&key, "key", "", "also check the signatures, with the public key of minisign's in this `file`, or the key itself")
	c.Flags().StringVar(&formatName, "format", "table", "table or json")
	addNodeFlag(c)
	return c
}

// verifyResult is what verify --format json prints.
type verifyResult struct {
	Node         string                     `json:"node,omitempty"` // one of several
	OK           bool                       `json:"ok"`
	Rows         int64                      `json:"rows"`
	Rules        []format.Finding           `json:"rules"`
	Conservation *replay.ConservationReport `json:"conservation"`
}

func runVerify(c *cobra.Command, args []string, formatName, key string) error {
	if len(args) == 0 {
		return &exitError{code: exitUsage, err: errors.New("no capture given"), hint: "see 'systape verify --help'"}
	}
	if _, err := out.FormOf(formatName, "", tableOrJSON, false); err != nil {
		return usageError(c, err)
	}
	var public *minisign.PublicKey
	if key != "" {
		k, err := signature.ReadPublicKey(key)
		if err != nil {
			return inputError(fmt.Errorf("--key: %w", err))
		}
		public = &k
	}
	return eachRecording(c, args, func(paths []string, node string) error { return verifyOne(c, paths, node, formatName, public) })
}

// verifyOne checks one recording. The node is "" where it is the only one.
func verifyOne(c *cobra.Command, args []string, node, formatName string, public *minisign.PublicKey) error {
	heading(c.OutOrStdout(), node, formatName)
	stdin, done, err := holdStdin(c, args)
	if err != nil {
		return err
	}
	defer done()
	res, err := verify(c.Context(), args, public, format.ReadOptions{Symbols: format.NewSymbolTable(), Stdin: stdin, Warn: warner(c.ErrOrStderr())})
	if err != nil {
		return err
	}
	res.Node = node
	if formatName == "json" {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		err = e.Encode(res)
	} else {
		err = printVerify(c.OutOrStdout(), res)
	}
	if err != nil {
		return err
	}
	if !res.OK {
		what := "the capture does not hold"
		if node != "" {
			what = fmt.Sprintf("the capture of %s does not hold", node)
		}
		return &exitError{code: exitDamaged, err: errors.New(what), hint: verifyHint(res)}
	}
	return nil
}

// verify checks a capture against all rules, and its signatures with the key if
// there is one.
func verify(ctx context.Context, args []string, key *minisign.PublicKey, opt format.ReadOptions) (*verifyResult, error) {
	rep, err := format.Verify(ctx, args, opt)
	if err != nil {
		return nil, inputError(err)
	}
	res := &verifyResult{Rows: rep.Rows, Rules: rep.Rules}
	switch {
	case rep.Damaged():
		for i := range 5 {
			res.Rules = append(res.Rules, format.Finding{Rule: fmt.Sprintf("C%d", i+1), Detail: "not checked: what the damage took is not known"})
		}
	case rep.Meta != nil:
		var f []format.Finding
		if res.Conservation, f, err = verifyCalls(ctx, args, opt.Stdin); err != nil {
			return nil, err
		}
		res.Rules = append(res.Rules, f...)
	}
	bundles, err := bundleFindings(args)
	if err != nil {
		return nil, inputError(err)
	}
	res.Rules = append(res.Rules, bundles...)
	signed, err := signatureFindings(ctx, args, key)
	if err != nil {
		return nil, inputError(err)
	}
	res.Rules = append(res.Rules, signed...)
	res.OK = true
	for _, r := range res.Rules {
		res.OK = res.OK && r.State != format.Fails
	}
	return res, nil
}

// printVerify prints a line for each rule.
func printVerify(w io.Writer, res *verifyResult) error {
	var out strings.Builder
	marks := map[format.State]string{format.Holds: "ok", format.Fails: "FAIL", format.NotChecked: "-"}
	for _, r := range res.Rules {
		mark := marks[r.State]
		fmt.Fprintf(&out, "%-4s  %-3s  %s\n", mark, r.Rule, strings.ReplaceAll(escape.Text(r.Detail), "; ", "\n           "))
	}
	out.WriteString(res.sum("rules") + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// sum says how many of the rules, by this name, hold.
func (res *verifyResult) sum(rules string) string {
	count := map[format.State]int{}
	for _, r := range res.Rules {
		count[r.State]++
	}
	text := fmt.Sprintf("%d %s hold, %d do not", count[format.Holds], rules, count[format.Fails])
	if n := count[format.NotChecked]; n > 0 {
		text += fmt.Sprintf(", %d could not be checked", n)
	}
	return text
}

// verifyHint names the next step for what does not hold.
func verifyHint(res *verifyResult) string {
	for _, r := range res.Rules {
		if r.State != format.Fails {
			continue
		}
		switch r.Rule {
		case "R1", "R4", "R12":
			return "'systape recover' saves what can be read"
		case "R11", signature.RuleParts:
			return "give all files of the recording, or their folder"
		}
	}
	return ""
}

// signatureFindings holds the files against their signatures. Without a key it
// says that there are signatures, and nothing where there are none.
func signatureFindings(ctx context.Context, paths []string, key *minisign.PublicKey) ([]format.Finding, error) {
	if slices.Contains(paths, "-") {
		if key == nil {
			return nil, nil
		}
		return []format.Finding{{Rule: signature.RuleBytes, State: format.Fails, Detail: "what comes from standard input is not signed"}}, nil
	}
	var unopened []error
	parts, err := format.Parts(paths, format.ReadOptions{Warn: func(err error) { unopened = append(unopened, err) }})
	if err != nil {
		return nil, err
	}
	if key != nil {
		return signature.Check(ctx, parts, unopened, *key)
	}
	all, any := signature.Found(parts)
	if !any {
		return nil, nil
	}
	keys := map[string]bool{}
	for _, s := range all {
		if s != nil {
			keys[s.Key] = true
		}
	}
	by := strings.Join(slices.Sorted(maps.Keys(keys)), ", ")
	return []format.Finding{{Rule: signature.RuleBytes, State: format.NotChecked, Detail: "signed with key " + cmp.Or(by, "unknown") + ": not checked: --key gives the public key"}}, nil
}

// verifyCalls pairs the events and keeps the balance of enters and exits: rules
// C1 to C6.
func verifyCalls(ctx context.Context, paths []string, stdin io.Reader) (*replay.ConservationReport, []format.Finding, error) {
	var balance replay.Conservation
	s, err := replay.Open(paths, replay.Options{Columns: format.ColSeq, Stdin: stdin})
	if err == nil {
		defer s.Close()
		balance.Counted = s.Meta().Request.Counted() && s.Meta().Selection == nil
		err = s.Run(ctx, func(b *format.Batch, calls []replay.Call) error {
			if b != nil {
				balance.Events(b)
			}
			balance.Calls(calls)
			return nil
		})
	}
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, []format.Finding{{Rule: "C1", State: format.Fails, Detail: "pairing: " + format.OneLine(err)}}, nil
	}
	rep := balance.Report(s.Meta(), s.Pairing())
	var out []format.Finding
	for _, c := range rep.Checks {
		f := format.Finding{Rule: c.Rule, State: format.Holds, Detail: c.Detail}
		switch {
		case !c.Checked:
			f.State = format.NotChecked
		case !c.OK:
			f.State = format.Fails
		}
		out = append(out, f)
	}
	return rep, out, nil
}

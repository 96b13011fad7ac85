package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// emptyFlags refuses a flag that was given nothing: a script whose variable is not
// set must not have verified without the key, or shared what no filter chose.
func emptyFlags(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		empty := f.Value.String() == ""
		switch v := f.Value.(type) {
		case *nameList:
			empty = f.Name != "comm" && v.String() == "" // a thread may have no name
		case pflag.SliceValue:
			empty = len(v.GetSlice()) == 0
		}
		if empty && err == nil {
			err = fmt.Errorf("--%s: the value is empty", f.Name)
		}
	})
	return err
}

// flagError says in our words what is wrong with a flag.
func flagError(err error) error {
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		f, cause := invalid.GetFlag(), invalid.Unwrap()
		var number *strconv.NumError
		if errors.As(cause, &number) || errors.As(err, &number) {
			cause = errors.New(wantedValues[f.Value.Type()])
			if errors.Is(number, strconv.ErrRange) {
				cause = errors.New("the number is too large")
			}
		} else if want := wantedValues[f.Value.Type()]; want != "" {
			cause = errors.New(want)
		}
		return fmt.Errorf("--%s %s: %w", f.Name, invalid.GetValue(), cause)
	}
	return err
}

// wantedValues tells what a flag takes, by the type of its value.
var wantedValues = map[string]string{
	"bool":       "want true or false",
	"int":        "want a whole number",
	"int32":      "want a whole number",
	"int64":      "want a whole number",
	"uint":       "want a whole number",
	"float64":    "want a number",
	"intSlice":   "want whole numbers, with commas between them",
	"int32Slice": "want whole numbers, with commas between them",
}

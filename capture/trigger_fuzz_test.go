package capture

import "testing"

// FuzzParseTrigger: a trigger is read or refused, and says what was read.
func FuzzParseTrigger(f *testing.F) {
	for _, form := range TriggerForms {
		f.Add(form.Example)
	}
	f.Fuzz(func(t *testing.T, text string) {
		trigger, err := ParseTrigger(text)
		if err == nil && trigger.String() != text {
			t.Errorf("%q was read as %q", text, trigger)
		}
	})
}

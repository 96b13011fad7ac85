package views

import (
	"strings"
	"testing"

	"systape/format"
)

// Redacting leaves the trigger out, and what is left still is a sentence.
func TestFlightReasonWithoutTrigger(t *testing.T) {
	got := flightReason(&format.Flight{Why: format.FlightTrigger, PID: 7, TID: 7, Comm: "xmajr"})
	if !strings.HasPrefix(got, "a trigger that is not told, of 7/7 xmajr at ") {
		t.Errorf("got %q", got)
	}
}

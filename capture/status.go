package capture

import (
	"time"

	"systape/format"
)

// Status is how a recording stands.
type Status struct {
	Elapsed time.Duration // of recording, what comes after it not counted
	Events  int64         // rows written, lost rows not counted
	Lost    int64         // events lost
	Bytes   int64         // of the spools
	LostBy  [format.Causes]int64

	Filtered format.Filtered // calls that were not recorded, as of the latest second
	Share    float64         // of the calls is recorded at this time; 1: no call is left out by lot
	Flight   *FlightStatus   // nil: the recording is no flight recorder
}

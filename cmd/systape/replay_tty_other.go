//go:build !linux && !darwin

package main

import "errors"

func replayOneKeyAtATime(int) (func(), error) { return nil, errors.ErrUnsupported }

package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// traceeEvent is a line of either form of Tracee's JSON. Numbers may be texts
// in all of it, as protobuf's JSON has those of 64 bits and other programs have
// all of them.
type traceeEvent struct {
	Timestamp     json.RawMessage `json:"timestamp"`
	ProcessorID   *traceeNumber   `json:"processorId"`
	ProcessID     traceeID        `json:"processId"`
	ThreadID      traceeID        `json:"threadId"`
	HostProcessID traceeID        `json:"hostProcessId"`
	HostThreadID  traceeID        `json:"hostThreadId"`
	ProcessName   string          `json:"processName"`
	ContainerID   string          `json:"containerId"`
	Container     struct {
		ID string `json:"id"`
	} `json:"container"`
	EventName    string        `json:"eventName"`
	ReturnValue  *traceeNumber `json:"returnValue"`
	ContextFlags struct {
		IsCompat bool `json:"isCompat"`
	} `json:"contextFlags"`
	Args traceeArgs `json:"args"`

	Name     string `json:"name"`
	Workload struct {
		Process struct {
			HostPID  traceeID `json:"host_pid"`
			HostPID2 traceeID `json:"hostPid"`
			PID      traceeID `json:"pid"`
			Thread   struct {
				Name     string   `json:"name"`
				HostTID  traceeID `json:"host_tid"`
				HostTID2 traceeID `json:"hostTid"`
				TID      traceeID `json:"tid"`
				Compat   bool     `json:"compat"`
			} `json:"thread"`
		} `json:"process"`
		Container struct {
			ID string `json:"id"`
		} `json:"container"`
	} `json:"workload"`
	Data []map[string]json.RawMessage `json:"data"`
}

type traceeArg struct {
	Name  string          `json:"name"`
	Type  string          `json:"type,omitempty"`
	Value json.RawMessage `json:"value"`
}

// traceeArgs is a list of arguments, or an object whose keys are their names.
type traceeArgs []traceeArg

func (args *traceeArgs) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(b)) // in their order
		d.Token()
		for d.More() {
			var a traceeArg
			key, _ := d.Token()
			a.Name, _ = key.(string)
			if err := d.Decode(&a.Value); err != nil {
				return err
			}
			*args = append(*args, a)
		}
		return nil
	}
	return json.Unmarshal(b, (*[]traceeArg)(args))
}

// traceeNumber is an integer, as a number or as a text.
type traceeNumber int64

func (n *traceeNumber) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	v, ok := jsonInteger(b)
	if !ok {
		return errors.New("not an integer: " + string(b))
	}
	*n = traceeNumber(v)
	return nil
}

// traceeID is the number of a process or thread, alone or as {"value": N}.
type traceeID int32

func (id *traceeID) UnmarshalJSON(b []byte) error {
	wrapped := struct{ Value traceeNumber }{}
	err := error(nil)
	if len(b) > 0 && b[0] == '{' {
		err = json.Unmarshal(b, &wrapped)
	} else {
		err = json.Unmarshal(b, &wrapped.Value)
	}
	if err == nil && (wrapped.Value < 0 || wrapped.Value > math.MaxInt32) {
		err = errors.New("not the id of a process or thread: " + string(b))
	}
	*id = traceeID(wrapped.Value)
	return err
}

// jsonInteger reads 3, "3", "0x3", 3.0 and 3e0; what is no integer is refused.
func jsonInteger(raw []byte) (int64, bool) {
	s := string(raw)
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	if n, ok := parseInteger([]byte(s)); ok {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// traceeTime reads nanoseconds since the epoch, also as a text or rounded to
// what a float holds, RFC 3339, and the seconds with a fraction of Tracee
// before 0.5.
func traceeTime(raw json.RawMessage) (int64, bool) {
	s := strings.Trim(string(raw), `"`)
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at.UnixNano(), true
	}
	if strings.Contains(s, ".") {
		if ns, ok := parseSeconds([]byte(s)); ok {
			return ns, true
		}
	}
	return jsonInteger(raw)
}

// unify makes an event of the newer form one of the older.
func (e *traceeEvent) unify() {
	first := func(ids ...traceeID) traceeID {
		for _, id := range ids {
			if id != 0 {
				return id
			}
		}
		return 0
	}
	p := &e.Workload.Process
	e.HostProcessID = first(e.HostProcessID, e.ProcessID, p.HostPID, p.HostPID2, p.PID)
	e.HostThreadID = first(e.HostThreadID, e.ThreadID, p.Thread.HostTID, p.Thread.HostTID2, p.Thread.TID)
	if e.EventName == "" {
		e.EventName, e.ProcessName, e.ContextFlags.IsCompat = e.Name, p.Thread.Name, p.Thread.Compat
	}
	for _, id := range []string{e.Container.ID, e.Workload.Container.ID} {
		if e.ContainerID == "" {
			e.ContainerID = id
		}
	}
	for _, d := range e.Data {
		a := traceeArg{Value: dataValue(d)}
		json.Unmarshal(d["name"], &a.Name) // a name that is none stays empty
		if a.Name == "returnValue" || a.Name == "return_value" {
			if n, ok := a.number(); ok {
				e.ReturnValue = (*traceeNumber)(&n)
			}
			continue
		}
		e.Args = append(e.Args, a)
	}
}

// dataValue finds the value among name, type and one of value, int32, str and
// so on, in which it may stand once more.
func dataValue(d map[string]json.RawMessage) json.RawMessage {
	v, ok := d["value"]
	for key := range d {
		if !ok && key != "name" && key != "type" {
			v = d[key]
		}
	}
	var inner map[string]json.RawMessage
	if ok && len(v) > 0 && v[0] == '{' && json.Unmarshal(v, &inner) == nil && len(inner) == 1 {
		for _, v = range inner {
		}
	}
	return v
}

// straceText is an argument's value as strace writes it: what a text shows of a
// structure is an address or nothing.
func (a *traceeArg) straceText() []byte {
	switch v := a.Value; {
	case len(v) > 0 && v[0] == '{':
		return straceAddress(v)
	case len(v) > 0 && v[0] == '"':
		var s string
		json.Unmarshal(v, &s) // a path, or flags as option:parse-arguments writes them
		return quoteC(s)
	}
	if n, ok := jsonInteger(a.Value); ok {
		return strconv.AppendInt(nil, n, 10)
	}
	return a.Value
}

// straceAddress makes strace's form of a socket address, in which Tracee has
// the same names.
func straceAddress(raw json.RawMessage) []byte {
	var a struct {
		Family string `json:"sa_family"`
		Addr   string `json:"sin_addr"`
		Port   any    `json:"sin_port"`
		Addr6  string `json:"sin6_addr"`
		Port6  any    `json:"sin6_port"`
		Path   string `json:"sun_path"`
	}
	if json.Unmarshal(raw, &a) != nil {
		return raw
	}
	switch a.Family {
	case "AF_INET":
		return fmt.Appendf(nil, "{sa_family=AF_INET, sin_port=htons(%v), sin_addr=inet_addr(%s)}", a.Port, quoteC(a.Addr))
	case "AF_INET6":
		return fmt.Appendf(nil, "{sa_family=AF_INET6, sin6_port=htons(%v), inet_pton(AF_INET6, %s, &sin6_addr)}", a.Port6, quoteC(a.Addr6))
	case "AF_UNIX":
		return fmt.Appendf(nil, "{sa_family=AF_UNIX, sun_path=%s}", quoteC(a.Path))
	}
	return raw
}

// number reads an argument's value.
func (a *traceeArg) number() (int64, bool) { return jsonInteger(a.Value) }

func (e *traceeEvent) arg(name string) (int64, bool) {
	for i := range e.Args {
		if e.Args[i].Name == name {
			return e.Args[i].number()
		}
	}
	return 0, false
}

func (e *traceeEvent) has(name string) bool {
	return slices.ContainsFunc(e.Args, func(a traceeArg) bool { return a.Name == name })
}

func (e *traceeEvent) text(name string) string {
	s := ""
	for i := range e.Args {
		if e.Args[i].Name == name {
			json.Unmarshal(e.Args[i].Value, &s) // another type stays empty
		}
	}
	return s
}

// container is the id as a capture has it: 12 digits of 64, and what else
// Tracee tells as it is.
func (e *traceeEvent) container() string {
	if len(e.ContainerID) == 64 && strings.Trim(e.ContainerID, "0123456789abcdef") == "" {
		return e.ContainerID[:12]
	}
	return e.ContainerID
}

// traceeLine cuts a line's object out of what stands around it where the events
// are an array, one to a line.
func traceeLine(b []byte) []byte {
	b = bytes.TrimLeft(b, " \t[,")
	if end := bytes.LastIndexByte(b, '}') + 1; len(bytes.Trim(b[end:], " \t,]")) == 0 {
		b = b[:end]
	}
	return b
}

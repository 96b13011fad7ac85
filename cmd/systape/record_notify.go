package main

import (
	"fmt"
	"net"
	"os"
)

// notifier tells systemd how a recording stands, where it wants to know
// (sd_notify(3): a datagram to the socket named by NOTIFY_SOCKET).
type notifier struct{ socket string }

// newNotifier takes the socket out of the environment: a recorded command is
// not to speak for us.
func newNotifier() notifier {
	n := notifier{os.Getenv("NOTIFY_SOCKET")}
	os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// tell sends a state such as READY=1.
func (n notifier) tell(state string) error {
	if n.socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}

package capture

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// TestSocketTables reads the tables of a machine with sockets of each kind, and of
// two users who chose names that look like lines of the table.
func TestSocketTables(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the tables are a little-endian machine's")
	}
	net := filepath.Join(t.TempDir(), "7", "net")
	if err := os.MkdirAll(net, 0o700); err != nil {
		t.Fatal(err)
	}
	for table, text := range map[string]string{
		"tcp": `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 020200C0:D903 01 00000000:00000000 02:000A7DD3 00000000     0        0 102 2 0000000000000000 20 4 0 10 -1
   2: 0100007F:1F91 020200C0:D903 06 00000000:00000000 03:000A7DD3 00000000     0        0 0 2 0000000000000000
`,
		"tcp6": `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:0050 B80D0120000000000000000001000000:01BB 01 00000000:00000000 00:00000000 00000000     0        0 103 1 0000000000000000
   1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 104 1 0000000000000000
`,
		"udp": `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  123: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 105 2 0000000000000000 0
  bad: 0000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 106 2 0000000000000000 0
`,
		"unix": `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 201 /run/shop.sock
0000000000000000: 00000002 00000000 00010000 0002 01 202 @abstract name
0000000000000000: 00000002 00000000 00010000 0005 01 203
0000000000000000: 00000002 00000000 00010000 0001 01 204 @x
0000000000000000: 00000002 00000000 00010000 0001 01 205 /run/trusted
0000000000000000: 00000002 00000000 00010000 0001 01 102 /run/trusted
0000000000000000: 00000003 00000000 00000000 0001 03 205
0000000000000000: 00000002 00000000 00010000 0001 01 206 /run/two
 lines  and blanks

0000000000000000: 00000002 00000000 00010000 0001 01 207 @abs name@z
0000000000000000: 00000003 00000000 00000000 0001 03 208
0000000000000000: 00000002 00000000 00010000 0002 01 209 /run/last

`,
		"netlink": `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   77         00000011 0        0        0     2        0        301
0000000000000000 16  0          00000000 0        0        0     2        0        302
`,
		"packet": `sk       RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    0003   2     1 0      0      401
`,
	} {
		if err := os.WriteFile(filepath.Join(net, table), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	proc := &procFS{proc: filepath.Dir(filepath.Dir(net))}
	want := map[string]string{
		"101": "TCP:[127.0.0.1:8080]", "102": "", "103": "TCPv6:[[::1]:80->[2001:db8::1]:443]", "104": "TCPv6:[[::ffff:127.0.0.1]:80]",
		"105": "UDP:[0.0.0.0:68]", "106": "", "201": "UNIX-STREAM:[/run/shop.sock]", "202": "UNIX-DGRAM:[@abstract name]", "203": "UNIX-SEQPACKET:[203]", "204": "UNIX-STREAM:[@x]", "205": "",
		"206": "UNIX-STREAM:[/run/two\n lines  and blanks\n]", "207": "UNIX-STREAM:[207]", "208": "UNIX-STREAM:[208]", "209": "UNIX-DGRAM:[/run/last\n]",
		"301": "NETLINK:[netlink:77:0x11]", "302": "NETLINK:[netlink:0]", "401": "socket:[packet:2]", "9": "",
	}
	var open []openFile
	for inode := range want {
		open = append(open, openFile{pid: 7, name: "socket:[" + inode + "]"})
	}
	before := append([]openFile{}, open...)
	proc.nameSockets(open)
	for i, o := range open {
		inode := before[i].name[len("socket:[") : len(before[i].name)-1]
		name := want[inode]
		if name == "" { // what is not known, or is there twice, stays what it was
			name = before[i].name
		}
		if o.name != name {
			t.Errorf("inode %s is %q, want %q", inode, o.name, name)
		}
	}
}

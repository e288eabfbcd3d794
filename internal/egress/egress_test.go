package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t *testing.T, deny, allow string) Policy {
	t.Helper()
	p, err := ParseLists(strings.Fields(deny), strings.Fields(allow))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolicy(t *testing.T) {
	own := netip.MustParseAddrPort("10.1.1.1:5432")
	for _, tc := range []struct {
		name, deny, allow string
		loopback          bool
		ok, refused       string
	}{
		{name: "nothing set", ok: "93.184.216.34 10.0.0.5 192.168.1.1 172.16.0.1 100.64.0.1 2606:2800::1 fd12::1",
			refused: "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 0.0.0.0 :: 169.254.169.254 ::ffff:169.254.169.254 fe80::1 fe80::1%eth0 " +
				"100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254 224.0.0.1 ff02::1 255.255.255.255 " +
				"64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 2002:a9fe:a9fe::1 2002:7f00:1::"},
		{name: "loopback try-out", loopback: true, ok: "127.0.0.1 ::1", refused: "169.254.169.254 0.0.0.0"},
		{name: "private denied", deny: "private", ok: "93.184.216.34 64:ff9b::5db8:d822",
			refused: "10.0.0.5 172.31.255.255 192.168.0.1 fd12::1 100.64.0.1 198.18.0.1 192.0.0.1 fec0::1 64:ff9b::a00:5 2002:a00:5::"},
		{name: "private denied but listed", deny: "private", allow: "10.0.0.0/24", ok: "10.0.0.5", refused: "10.0.1.5"},
		{name: "loopback listed", allow: "127.0.0.1", ok: "127.0.0.1 ::ffff:127.0.0.1", refused: "127.0.0.2 ::1"},
		{name: "metadata listed", allow: "169.254.169.254/32", ok: "169.254.169.254", refused: "169.254.169.253"},
		{name: "deny wins", deny: "10.0.0.5", allow: "10.0.0.0/8", ok: "10.0.0.6", refused: "10.0.0.5 ::ffff:10.0.0.5"},
		{name: "deny takes public ones", deny: "93.184.0.0/16", ok: "93.185.0.1", refused: "93.184.216.34"},
		{name: "nobody is unspecified", allow: "0.0.0.0/0 ::/0", ok: "127.0.0.1", refused: "0.0.0.0 :: 224.0.0.1"},
		{name: "own database", allow: "10.0.0.0/8", ok: "10.1.1.2", refused: "10.1.1.1"},
	} {
		p := mustParse(t, tc.deny, tc.allow)
		p.AllowLoopback, p.DenyAddrs = tc.loopback, []netip.AddrPort{own}
		for _, a := range strings.Fields(tc.ok) {
			if err := p.Check("h", netip.AddrPortFrom(netip.MustParseAddr(a), 5432)); err != nil {
				t.Errorf("%s: %s: %v", tc.name, a, err)
			}
		}
		for _, a := range strings.Fields(tc.refused) {
			err := p.Check("h", netip.AddrPortFrom(netip.MustParseAddr(a), 5432))
			if !errors.Is(err, ErrDenied) || err.Error() != "host not allowed: h" {
				t.Errorf("%s: %s: %v; all refusals must look alike", tc.name, a, err)
			}
		}
	}
}

func TestOwnDatabaseOnLoopbackHasManySpellings(t *testing.T) {
	p := Policy{AllowLoopback: true, DenyAddrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5432")}}
	for _, a := range []string{"127.0.0.1:5432", "[::1]:5432", "127.0.0.2:5432", "[::ffff:127.0.0.1]:5432"} {
		if err := p.Check("h", netip.MustParseAddrPort(a)); err == nil {
			t.Errorf("%s is the own database", a)
		}
	}
	if err := p.Check("h", netip.MustParseAddrPort("127.0.0.1:5433")); err != nil {
		t.Error(err)
	}
}

func TestHostsInLists(t *testing.T) {
	p := mustParse(t, "evil.example", "db.internal")
	public, loopback := netip.MustParseAddrPort("93.184.216.34:1"), netip.MustParseAddrPort("127.0.0.1:1")
	for _, host := range []string{"evil.example", "EVIL.example", "evil.example."} {
		if p.Check(host, public) == nil {
			t.Errorf("%s is not denied", host)
		}
	}
	if err := p.Check("DB.internal.", loopback); err != nil {
		t.Error(err)
	}
	if p.Check("xdb.internal", loopback) == nil {
		t.Error("a longer name passes for a listed one")
	}
}

func TestParseLists(t *testing.T) {
	p := mustParse(t, "PRIVATE 10.0.0.7/8 ::ffff:192.0.2.1 bad-host.example.", "db my_db.local fd00::/8")
	want := Policy{
		DenyPrivate: true, DenyHosts: []string{"bad-host.example"}, AllowHosts: []string{"db", "my_db.local"},
		Deny:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")},
		Allow: []netip.Prefix{netip.MustParsePrefix("fd00::/8")},
	}
	if d := cmp.Diff(want, p, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
	_, err := ParseLists([]string{"10.0.0.0/33", "ok.example"}, []string{"10.0.0.300", "db:5432", "https://x", "*", "1.2.3", "7"})
	want2 := []string{"EGRESS_DENY", "EGRESS_ALLOW", "EGRESS_ALLOW", "EGRESS_ALLOW", "EGRESS_ALLOW", "EGRESS_ALLOW", "EGRESS_ALLOW"}
	var got []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, ":")
		got = append(got, name)
	}
	if d := cmp.Diff(want2, got); d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestPublicOnlyForgetsTheExceptions(t *testing.T) {
	p := mustParse(t, "evil.example", "10.0.0.0/8 127.0.0.1 db.internal")
	p.AllowLoopback = true
	p = p.PublicOnly()
	for _, a := range []string{"10.0.0.1:443", "127.0.0.1:443", "192.168.0.1:443"} {
		if p.Check("db.internal", netip.MustParseAddrPort(a)) == nil {
			t.Errorf("%s is dialled for a stranger", a)
		}
	}
	if p.Check("evil.example", netip.MustParseAddrPort("93.184.216.34:443")) == nil {
		t.Error("the operator's refusals are forgotten too")
	}
}

// dialerAt returns a dialer whose names resolve to the addresses.
func dialerAt(t *testing.T, p Policy, addrs ...string) *Dialer {
	t.Helper()
	server := fakeDNS(t, addrs)
	d := NewDialer(p, 5*time.Second)
	d.resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server)
	}}
	return d
}

// fakeDNS answers every A question with the addresses and every other one with
// nothing (RFC 1035, section 4.1).
func fakeDNS(t *testing.T, addrs []string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dnsAnswer(buf[:n], addrs), from)
		}
	}()
	return conn.LocalAddr().String()
}

func dnsAnswer(query []byte, addrs []string) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // root label, type, class
	if binary.BigEndian.Uint16(query[end-4:]) != 1 {
		addrs = nil
	}
	answer := append([]byte(nil), query[:end]...)
	copy(answer[2:], []byte{0x81, 0x80, 0, 1, 0, byte(len(addrs)), 0, 0, 0, 0})
	for _, a := range addrs {
		ip := netip.MustParseAddr(a).As4()
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, ip[:]...)
	}
	return answer
}

// listener counts the connections it gets.
func listener(t *testing.T) (port string, accepted <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	got := make(chan net.Conn, 8)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			got <- conn
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, got
}

func TestDialJudgesTheResolvedAddress(t *testing.T) {
	port, accepted := listener(t)
	d := dialerAt(t, Policy{}, "127.0.0.1")
	if _, err := d.DialContext(t.Context(), "tcp", "innocent.example:"+port); !errors.Is(err, ErrDenied) {
		t.Errorf("a name for loopback: %v", err)
	}
	d = dialerAt(t, Policy{}, "93.184.216.34", "127.0.0.1")
	if _, err := d.DialContext(t.Context(), "tcp", "two-faced.example:"+port); !errors.Is(err, ErrDenied) {
		t.Errorf("a name for a public and an inner address: %v", err)
	}
	select {
	case <-accepted:
		t.Error("a refused target was probed")
	default:
	}
	d = dialerAt(t, Policy{AllowLoopback: true}, "127.0.0.1")
	conn, err := d.DialContext(t.Context(), "tcp", "allowed.example:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = (<-accepted).Close()
}

func TestDialRefusesOddSpellingsOfLoopback(t *testing.T) {
	port, _ := listener(t)
	d := NewDialer(Policy{}, time.Second)
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b:1::127.0.0.1]", "0.0.0.0", "[::]", "localhost", "LOCALHOST", "localhost."} {
		if conn, err := d.DialContext(t.Context(), "tcp", host+":"+port); err == nil {
			_ = conn.Close()
			t.Errorf("%s was dialled", host)
		}
	}
}

func TestDialNeedsTCP(t *testing.T) {
	d := NewDialer(Policy{AllowLoopback: true}, time.Second)
	for _, network := range []string{"unix", "udp", "ip4:icmp", ""} {
		if _, err := d.DialContext(t.Context(), network, "127.0.0.1:1"); !errors.Is(err, ErrDenied) {
			t.Errorf("%q: %v", network, err)
		}
	}
	for _, addr := range []string{"127.0.0.1", "127.0.0.1:none-such", ""} {
		if _, err := d.DialContext(t.Context(), "tcp", addr); err == nil {
			t.Errorf("%q was dialled", addr)
		}
	}
}

package egress

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// ipv4Forms are the ways to write an IPv4 address into an IPv6 one, for
// a.b.c.d given as the bytes of its address.
func ipv4Forms(addr string) map[string]netip.Addr {
	a := netip.MustParseAddr(addr).As4()
	at := func(base string, places ...int) netip.Addr {
		b := netip.MustParseAddr(base).As16()
		for i, place := range places {
			b[place] = a[i]
		}
		return netip.AddrFrom16(b)
	}
	client := netip.MustParseAddr("2001:0:5db8:d822::").As16()
	for i := range a {
		client[12+i] = ^a[i]
	}
	return map[string]netip.Addr{
		"plain":                 netip.AddrFrom4(a),
		"mapped":                at("::ffff:0:0", 12, 13, 14, 15),
		"compatible":            at("::", 12, 13, 14, 15),
		"translated":            at("::ffff:0:0:0", 12, 13, 14, 15),
		"NAT64":                 at("64:ff9b::", 12, 13, 14, 15),
		"local NAT64/48":        at("64:ff9b:1::", 6, 7, 9, 10),
		"local NAT64/56":        at("64:ff9b:1:100::", 7, 9, 10, 11),
		"local NAT64/64":        at("64:ff9b:1:102::", 9, 10, 11, 12),
		"local NAT64/96":        at("64:ff9b:1::", 12, 13, 14, 15),
		"local NAT64/48, noisy": at("64:ff9b:1:0:5d00:0:93b8:d822", 6, 7, 9, 10),
		"6to4":                  at("2002::1", 2, 3, 4, 5),
		"Teredo server":         at("2001:0:0:0:0:0:a247:27dd", 4, 5, 6, 7),
		"Teredo client":         netip.AddrFrom16(client),
		"ISATAP":                at("2606:2800::5efe:0:0", 12, 13, 14, 15),
		"ISATAP, universal":     at("2606:2800::200:5efe:0:0", 12, 13, 14, 15),
		"ISATAP in 6to4":        at("2002:5db8:d822::5efe:0:0", 12, 13, 14, 15),
	}
}

// TestEveryFormOfAnIPv4Address holds the kind: no way of writing an IPv4
// address gets where the address itself does not.
func TestEveryFormOfAnIPv4Address(t *testing.T) {
	for _, tc := range []struct {
		name, deny, allow string
		loopback          bool
		ok, refused       string
	}{
		{name: "nothing set", ok: "93.184.216.34 10.0.0.5 192.168.1.1", refused: "127.0.0.1 127.9.9.9 169.254.169.254 100.100.100.200 168.63.129.16 224.0.0.1 255.255.255.255 10.1.1.1"},
		{name: "private denied", deny: "private", ok: "93.184.216.34", refused: "10.0.0.5 172.16.0.1 192.168.1.1 100.64.0.1 198.18.0.1"},
		{name: "denied in IPv4", deny: "93.184.200.0/24", ok: "93.184.201.34", refused: "93.184.200.34"},
		{name: "denied as mapped", deny: "::ffff:93.184.218.5", ok: "93.184.218.6", refused: "93.184.218.5"},
		{name: "range denied as mapped", deny: "::ffff:93.184.219.0/120", ok: "93.184.220.34", refused: "93.184.219.34"},
		{name: "allowed in IPv4", deny: "private", allow: "10.0.0.5 127.0.0.2", ok: "10.0.0.5 127.0.0.2", refused: "10.0.0.6 127.0.0.3"},
		{name: "allowed as mapped", deny: "private", allow: "::ffff:10.0.0.0/120", ok: "10.0.0.5", refused: "10.0.1.5"},
		{name: "all of IPv6 allowed", deny: "private", allow: "::/0", refused: "10.0.0.5 127.0.0.1 169.254.169.254"},
		{name: "loopback try-out", loopback: true, ok: "127.0.0.1", refused: "169.254.169.254"},
		{name: "deny wins", deny: "10.0.0.5", allow: "10.0.0.0/8 64:ff9b::/96", ok: "10.0.0.6", refused: "10.0.0.5"},
	} {
		p := mustParse(t, tc.deny, tc.allow)
		p.AllowLoopback, p.DenyAddrs = tc.loopback, []netip.AddrPort{netip.MustParseAddrPort("10.1.1.1:5432")}
		for _, a := range strings.Fields(tc.ok) {
			for form, addr := range ipv4Forms(a) {
				if err := p.Check("h", netip.AddrPortFrom(addr, 5432)); err != nil {
					t.Errorf("%s: %s as %s (%s): %v", tc.name, a, form, addr, err)
				}
			}
		}
		for _, a := range strings.Fields(tc.refused) {
			for form, addr := range ipv4Forms(a) {
				if err := p.Check("h", netip.AddrPortFrom(addr, 5432)); !errors.Is(err, ErrDenied) {
					t.Errorf("%s: %s as %s (%s): %v", tc.name, a, form, addr, err)
				}
			}
		}
	}
}

// TestAllowedInTheFormOfIPv6 has an operator list addresses behind a
// translator: the entry speaks for them and not for the same IPv4 addresses
// elsewhere, and lifts no refusal of the operator's own.
func TestAllowedInTheFormOfIPv6(t *testing.T) {
	p := mustParse(t, "private 10.0.0.9 64:ff9b:1::b00:1 11.0.0.1", "64:ff9b::a00:0/112 64:ff9b:1::/48")
	for addr, allowed := range map[string]bool{
		"64:ff9b::a00:5": true, "64:ff9b:1::a01:1": true, "64:ff9b:1::7f00:1": true,
		"64:ff9b::a01:5": false, "10.0.0.5": false, "::10.0.0.5": false, "2002:a00:5::": false,
		"64:ff9b::a00:9": false, "64:ff9b:1::a00:9": false, "64:ff9b:1::b00:1": false, "64:ff9b:1::": false, "64:ff9b:1::e000:1": false,
	} {
		if err := p.Check("h", netip.AddrPortFrom(netip.MustParseAddr(addr), 443)); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed = %t", addr, err, allowed)
		}
	}
}

func TestOwnDatabaseInAnyForm(t *testing.T) {
	for _, own := range []string{"[64:ff9b::a01:101]:5432", "[::ffff:10.1.1.1]:5432", "10.1.1.1:5432"} {
		p := Policy{DenyAddrs: []netip.AddrPort{netip.MustParseAddrPort(own)}}
		for form, addr := range ipv4Forms("10.1.1.1") {
			if p.Check("h", netip.AddrPortFrom(addr, 5432)) == nil {
				t.Errorf("own %s is dialled as %s (%s)", own, form, addr)
			}
		}
		if err := p.Check("h", netip.MustParseAddrPort("10.1.1.1:5433")); err != nil {
			t.Errorf("own %s: %v", own, err)
		}
	}
}

// TestAddressesThatCarryNone are those beside the ranges: they are themselves.
func TestAddressesThatCarryNone(t *testing.T) {
	p := Policy{AllowLoopback: true, Deny: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}
	for _, a := range []string{"::1", "2606:2800::a9fe:a9fe", "64:ff9b:2::a9fe:a9fe", "2001:1::a9fe:a9fe", "2003:a9fe:a9fe::", "2606:2800::400:5efe:a9fe:a9fe"} {
		if err := p.Check("h", netip.AddrPortFrom(netip.MustParseAddr(a), 443)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

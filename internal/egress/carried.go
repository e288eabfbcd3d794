package egress

import "net/netip"

// The IPv6 ranges whose addresses stand for an IPv4 address that a host or a
// translator on the way may reach instead. IPv4-mapped addresses are not among
// them: [Policy.Check] treats those as IPv4.
var (
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291, 2.5.5.1
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
)

// carriedIPv4 returns every IPv4 address that the IPv6 address carries.
func carriedIPv4(addr netip.Addr) []netip.Addr {
	if !addr.Is6() {
		return nil
	}
	b := addr.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	var all []netip.Addr
	switch {
	case compatible.Contains(addr) && !addr.IsUnspecified() && !addr.IsLoopback(),
		translated.Contains(addr), nat64.Contains(addr):
		all = append(all, last)
	case localNAT64.Contains(addr):
		all = append(all, readLocalNAT64(b)...)
	case sixToFour.Contains(addr):
		all = append(all, netip.AddrFrom4([4]byte(b[2:])))
	case teredo.Contains(addr): // the server, and the client with its bits inverted
		all = append(all, netip.AddrFrom4([4]byte(b[4:])), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	if isISATAP(b) {
		all = append(all, last)
	}
	return all
}

// readLocalNAT64 returns the addresses at all the places that RFC 6052,
// section 2.2 knows within a /48: only the translator knows the length of its
// prefix, and it does not look at the bytes beside. A reading in 0.0.0.0/8,
// which the zeros beside another place give, is no address.
func readLocalNAT64(b [16]byte) []netip.Addr {
	var all []netip.Addr
	for _, four := range [][4]byte{
		{b[6], b[7], b[9], b[10]},   // prefix of 48 bits; byte 8 is reserved
		{b[7], b[9], b[10], b[11]},  // 56
		{b[9], b[10], b[11], b[12]}, // 64
		{b[12], b[13], b[14], b[15]},
	} {
		if four[0] != 0 {
			all = append(all, netip.AddrFrom4(four))
		}
	}
	if len(all) == 0 {
		return []netip.Addr{netip.IPv4Unspecified()}
	}
	return all
}

// isISATAP reports whether the interface identifier is one of RFC 5214,
// section 6.1, under any prefix. The universal and group bits are ignored.
func isISATAP(b [16]byte) bool {
	return b[8]&^3 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// listsCarrier reports whether the list holds the IPv6 address in a range
// narrow enough to mean addresses of its form: such an entry of EGRESS_ALLOW
// speaks for the IPv4 address inside, too, while ::/0 does not.
func listsCarrier(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Bits() >= localNAT64.Bits() && p.Contains(addr) {
			return true
		}
	}
	return false
}

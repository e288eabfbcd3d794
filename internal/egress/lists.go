package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// ParseLists makes a policy of the entries of EGRESS_DENY and EGRESS_ALLOW
// (contract 11): CIDRs, addresses, host names, and in the first the word
// "private". The error names the variable of each bad entry.
func ParseLists(deny, allow []string) (Policy, error) {
	var p Policy
	var bad []error
	for _, entry := range deny {
		if strings.EqualFold(entry, "private") {
			p.DenyPrivate = true
		} else if err := add(entry, &p.Deny, &p.DenyHosts); err != nil {
			bad = append(bad, fmt.Errorf("EGRESS_DENY: %w", err))
		}
	}
	for _, entry := range allow {
		if err := add(entry, &p.Allow, &p.AllowHosts); err != nil {
			bad = append(bad, fmt.Errorf("EGRESS_ALLOW: %w", err))
		}
	}
	return p, errors.Join(bad...)
}

// PublicOnly returns the policy for documents that strangers name (contract
// 4.5): the operator's exceptions, made for databases, do not count.
func (p Policy) PublicOnly() Policy {
	p.DenyPrivate, p.AllowLoopback, p.Allow, p.AllowHosts = true, false, nil, nil
	return p
}

// hostName asks for a letter in the last label, so that a mistyped address is
// an error and not a name that never matches.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_.-]*[A-Za-z][A-Za-z0-9_-]*\.?$`)

func add(entry string, prefixes *[]netip.Prefix, hosts *[]string) error {
	if addr, err := netip.ParseAddr(entry); err == nil {
		addr = addr.Unmap().WithZone("")
		*prefixes = append(*prefixes, netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		*prefixes = append(*prefixes, unmapped(prefix).Masked())
		return nil
	}
	if !hostName.MatchString(entry) {
		return fmt.Errorf("%q is not a CIDR range, an address or a host name", entry)
	}
	*hosts = append(*hosts, strings.TrimSuffix(entry, "."))
	return nil
}

// unmapped returns a range of IPv4-mapped addresses as the IPv4 range that it
// is: addresses are compared unmapped, so that it would never match.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

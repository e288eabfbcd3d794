// Package egress is the only way out: one dialer and one HTTP client for
// hosts that users supply. Addresses are judged after name resolution, on the
// address that is dialled, so that DNS rebinding does not help
// (contract 3.5 and 15.2 A5).
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ErrDenied is wrapped by every refusal. All refusals look alike and are
// decided before a packet is sent.
var ErrDenied = errors.New("host not allowed")

// Policy says which addresses may be dialled. Deny wins over Allow; loopback
// needs AllowLoopback or an entry in Allow; private ranges are allowed unless
// DenyPrivate is set and Allow does not list them.
type Policy struct {
	Deny          []netip.Prefix
	DenyHosts     []string // names, compared without case
	DenyPrivate   bool
	Allow         []netip.Prefix
	AllowHosts    []string
	AllowLoopback bool
	// DenyAddrs are exact endpoints that are never dialled: the gateway's
	// own database. Loopback spellings of an endpoint count as one.
	DenyAddrs []netip.AddrPort
}

// metadataRanges are refused unless listed in Allow: link-local (RFC 3927,
// RFC 4291), which holds the cloud metadata services, and the well-known
// metadata addresses outside of it.
var metadataRanges = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("fd00:ec2::254/128"),
	netip.MustParsePrefix("fd20:ce::254/128"),
	netip.MustParsePrefix("192.0.0.192/32"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("168.63.129.16/32"),
}

// innerRanges are private for our purpose beside those of RFC 1918 and RFC
// 4193: carrier-grade NAT (RFC 6598), protocol assignments (RFC 6890),
// benchmarking (RFC 2544) and the old site-local space (RFC 3879).
var innerRanges = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("fec0::/10"),
}

// Check judges one resolved endpoint; host is the name it was asked for by.
// An IPv6 address that carries IPv4 addresses is judged as all of them.
func (p Policy) Check(host string, ap netip.AddrPort) error {
	addr := ap.Addr().Unmap().WithZone("")
	denied := p.denied(host, netip.AddrPortFrom(addr, ap.Port()))
	judge := p.denied
	if listsCarrier(p.Allow, addr) {
		judge = p.neverAllowed
	}
	for _, inner := range carriedIPv4(addr) {
		denied = denied || judge(host, netip.AddrPortFrom(inner, ap.Port()))
	}
	if denied {
		return fmt.Errorf("%w: %s", ErrDenied, host)
	}
	return nil
}

func (p Policy) denied(host string, ap netip.AddrPort) bool {
	addr := ap.Addr()
	switch {
	case p.neverAllowed(host, ap):
		return true
	case containsFold(p.AllowHosts, host), contains(p.Allow, addr):
		return false
	case addr.IsLoopback():
		return !p.AllowLoopback
	case contains(metadataRanges, addr):
		return true
	case addr.IsPrivate(), contains(innerRanges, addr):
		return p.DenyPrivate
	default:
		return false
	}
}

// neverAllowed reports refusals that no entry of Allow lifts.
func (p Policy) neverAllowed(host string, ap netip.AddrPort) bool {
	addr := ap.Addr()
	return containsFold(p.DenyHosts, host) || contains(p.Deny, addr) || p.own(ap) ||
		addr.IsUnspecified() || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (p Policy) own(ap netip.AddrPort) bool {
	for _, own := range p.DenyAddrs {
		if own.Port() != ap.Port() {
			continue
		}
		addr := own.Addr().Unmap()
		for _, a := range append(carriedIPv4(addr), addr) {
			if a == ap.Addr() || a.IsLoopback() && ap.Addr().IsLoopback() {
				return true
			}
		}
	}
	return false
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func containsFold(list []string, host string) bool {
	for _, h := range list {
		if strings.EqualFold(h, strings.TrimSuffix(host, ".")) {
			return true
		}
	}
	return false
}

// Dialer dials TCP endpoints that the policy allows.
type Dialer struct {
	policy   Policy
	resolver *net.Resolver
	timeout  time.Duration
}

// NewDialer returns a dialer under the policy. timeout bounds one attempt,
// name resolution included; 0 means 10 s.
func NewDialer(policy Policy, timeout time.Duration) *Dialer {
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	return &Dialer{policy: policy, resolver: net.DefaultResolver, timeout: timeout}
}

// Judge refuses, without resolving or dialling anything, a host:port that no
// dial could be allowed to: a refused address or name. Anything else is judged when
// it is dialled.
func (d *Dialer) Judge(address string) error {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return fmt.Errorf("port: %w", err)
	}
	return d.judge(host, uint16(port))
}

func (d *Dialer) judge(host string, port uint16) error {
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		return d.policy.Check(host, netip.AddrPortFrom(addr, port))
	case containsFold(d.policy.DenyHosts, host):
		return fmt.Errorf("%w: %s", ErrDenied, host)
	case strings.EqualFold(strings.TrimSuffix(host, "."), "localhost"):
		return d.policy.Check(host, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
	default:
		return nil
	}
}

// DialContext resolves addr, refuses it when any of its addresses is refused
// (a name that points at both a public and an inner address is an attack, not
// a choice), and dials the addresses in turn.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil, fmt.Errorf("%w: network %s", ErrDenied, network)
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	targets, err := d.resolve(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	var last error
	for _, ap := range targets {
		conn, err := dialer.DialContext(ctx, network, ap.String())
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

func (d *Dialer) resolve(ctx context.Context, network, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	port, err := d.resolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, fmt.Errorf("port: %w", err)
	}
	ips, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	targets := make([]netip.AddrPort, 0, len(ips))
	for _, ip := range ips {
		ap := netip.AddrPortFrom(ip.Unmap(), uint16(port))
		if err := d.policy.Check(host, ap); err != nil {
			return nil, err
		}
		targets = append(targets, ap)
	}
	return targets, nil
}

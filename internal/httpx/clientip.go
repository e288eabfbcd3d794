package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies says whose X-Forwarded-For is believed (contract 11).
type Proxies struct {
	Trusted []netip.Prefix
	// TrustPeer believes the direct peer, and nobody further away. Used
	// without Trusted.
	TrustPeer bool
}

// ClientIP returns the client's address, as [Front] found it. It is the zero
// Addr when the connection has none.
func ClientIP(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// client walks X-Forwarded-For from the right, where the nearest proxy wrote,
// as long as the address so far is trusted. So the result is the right-most
// hop that no trusted proxy vouches for: what a client writes itself stands
// further left and is never reached (contract 15.2 A18). A hop that is no
// address ends the walk at the proxy that wrote it.
func (p Proxies) client(r *http.Request) netip.Addr {
	addr := ClientIP(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(addr, len(hops)-1-i); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		addr = hop
	}
	return addr
}

// trusts reports whether addr, depth hops away from us, may name the next.
func (p Proxies) trusts(addr netip.Addr, depth int) bool {
	if len(p.Trusted) == 0 {
		return p.TrustPeer && depth == 0
	}
	for _, prefix := range p.Trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads an address with or without port.
func parseHop(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = ap.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

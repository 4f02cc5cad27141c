package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"parley/chat"
)

// forwardingHeaders are what proxies add. One of them on a request means that somebody else may stand behind the peer.
var forwardingHeaders = []string{"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-Ip", "Via"}

// resolver finds out where requests come from. A forwarding header is a claim that anybody can make, so it is heard
// only from the proxies that the operator named.
type resolver struct {
	trusted []netip.Prefix
	// secure: people reach this installation by https, which this process does not speak. So whoever connects
	// directly is a proxy, named or not.
	secure bool
	// public: people reach this installation by a name that is not this machine's own. So whoever connects from this
	// machine may be a proxy, also one that hands on bytes and leaves no trace in them.
	public bool
}

// peer returns the address at the other end of the connection; the zero value when there is none to speak of.
func peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

func (v resolver) trusts(address netip.Addr) bool {
	for _, prefix := range v.trusted {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// client returns the address that the request came from. X-Forwarded-For is read from its end, where the nearest proxy
// wrote, as far as the proxies are trusted: what stands further left was written by a stranger.
func (v resolver) client(r *http.Request) netip.Addr {
	address := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && v.trusts(address); i-- {
		hop, err := hopAddress(hops[i])
		if err != nil {
			break
		}
		address = hop
	}
	return address
}

// hopAddress reads one entry of X-Forwarded-For; some proxies add the port.
func hopAddress(hop string) (netip.Addr, error) {
	hop = strings.TrimSpace(hop)
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	address, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return address.Unmap().WithZone(""), err
}

// key is the name under which requests from address are counted. A provider hands a customer at least a /64 of IPv6
// (RFC 6177), so single addresses in it are no bound to anybody.
func key(address netip.Addr) string {
	if !address.IsValid() {
		return "unknown"
	}
	if address.Is6() {
		return netip.PrefixFrom(address, 64).Masked().String()
	}
	return address.String()
}

// local says whether the request was made on this machine, with nobody else behind it: by a bare connection from the
// loopback, without any trace of a proxy. One that adds no header is still given away by the https outside, by the name
// it was asked for, or by its HTTP/1.0. One that adds nothing and hands on what its clients say (a TCP forwarder) is
// not: so nobody is local where people reach this installation by another name.
//
// No proxy is believed in this, trusted or not. It can only say what it sees: that its client is on the proxy's own
// machine, which may be another one than this, and where a TLS terminator or a tunnel makes every stranger look like that.
func (v resolver) local(r *http.Request) bool {
	if !peer(r).IsLoopback() {
		return false
	}
	for _, name := range forwardingHeaders {
		if len(r.Header.Values(name)) > 0 {
			return false
		}
	}
	return !v.secure && !v.public && r.ProtoAtLeast(1, 1) && loopbackName(r.Host)
}

// loopbackName says whether host, of a Host header, names this machine to itself. A name of somebody else's that
// resolves to the loopback (DNS rebinding) is none.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.Unmap().IsLoopback()
}

// origin describes where r came from, for the domain.
func (v resolver) origin(r *http.Request) chat.Origin {
	return chat.Origin{
		Address:   key(v.client(r)),
		UserAgent: r.UserAgent(),
		Local:     v.local(r),
	}
}

package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOrigin(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48")}
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		secure  bool
		public  bool
		old     bool // HTTP/1.0
		peer    string
		host    string
		headers map[string][]string
		address string
		local   bool
	}{
		{name: "a stranger is who connects", peer: "203.0.113.7:4711", address: "203.0.113.7"},
		{name: "a stranger's X-Forwarded-For is not believed", peer: "203.0.113.7:4711",
			headers: map[string][]string{"X-Forwarded-For": {"198.51.100.1"}}, address: "203.0.113.7"},
		{name: "a stranger cannot claim to be this machine", peer: "203.0.113.7:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1"}}, address: "203.0.113.7"},
		{name: "X-Real-IP is never believed", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Real-Ip": {"198.51.100.1"}}, address: "10.1.2.3"},
		{name: "a trusted proxy is believed", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"198.51.100.1"}}, address: "198.51.100.1"},
		{name: "only what the trusted proxy itself wrote is believed", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1, 198.51.100.1"}}, address: "198.51.100.1"},
		{name: "several trusted proxies are passed", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"192.0.2.66, 198.51.100.1, 10.9.9.9, 10.8.8.8"}}, address: "198.51.100.1"},
		{name: "several headers are one list", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"192.0.2.66", "198.51.100.1", "10.9.9.9"}}, address: "198.51.100.1"},
		{name: "what cannot be read ends the chain at the last proxy", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"198.51.100.1, unknown"}}, address: "10.1.2.3"},
		{name: "an empty header is none", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {""}}, address: "10.1.2.3"},
		{name: "a port behind the address is dropped", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"198.51.100.1:5555"}}, address: "198.51.100.1"},
		{name: "an untrusted proxy behind a trusted one is the client", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"198.51.100.1, 203.0.113.7"}}, address: "203.0.113.7"},
		{name: "IPv6 is counted by its /64", peer: "[2001:db8:1:2:3:4:5:6]:4711", address: "2001:db8:1:2::/64"},
		{name: "a neighbour in the /64 is the same", peer: "[2001:db8:1:2:ffff::1]:4711", address: "2001:db8:1:2::/64"},
		{name: "another /64 is another", peer: "[2001:db8:1:3::1]:4711", address: "2001:db8:1:3::/64"},
		{name: "IPv4 inside IPv6 is IPv4", peer: "[::ffff:203.0.113.7]:4711", address: "203.0.113.7"},
		{name: "IPv6 in brackets and with a port is read", trusted: proxies, peer: "[2001:db8:f::1]:4711",
			headers: map[string][]string{"X-Forwarded-For": {"[2001:db8:1:2::9]:5555"}}, address: "2001:db8:1:2::/64"},
		{name: "a zone is dropped", peer: "[fe80::1%eth0]:4711", address: "fe80::/64"},
		{name: "a peer without an address is nobody in particular", peer: "@", address: "unknown"},

		{name: "this machine is local", peer: "127.0.0.1:4711", address: "127.0.0.1", local: true},
		{name: "this machine by IPv6 is local", peer: "[::1]:4711", host: "[::1]:8080", address: "::/64", local: true},
		{name: "this machine by IPv4 in IPv6 is local", peer: "[::ffff:127.0.0.1]:4711", address: "127.0.0.1", local: true},
		{name: "a machine of the same network is not local", peer: "192.168.1.7:4711", address: "192.168.1.7"},
		{name: "behind a proxy on this machine with X-Forwarded-For nobody is local", peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {"203.0.113.7"}}, address: "127.0.0.1"},
		{name: "behind a proxy on this machine, claiming to be this machine, nobody is local", peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1"}}, address: "127.0.0.1"},
		{name: "an empty X-Forwarded-For is a proxy too", peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {""}}, address: "127.0.0.1"},
		{name: "X-Forwarded-Host gives a proxy away", peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-Host": {"chat.example.org"}}, address: "127.0.0.1"},
		{name: "Forwarded gives a proxy away", peer: "127.0.0.1:4711",
			headers: map[string][]string{"Forwarded": {"for=203.0.113.7"}}, address: "127.0.0.1"},
		{name: "X-Real-IP gives a proxy away", peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Real-Ip": {"203.0.113.7"}}, address: "127.0.0.1"},
		{name: "Via gives a proxy away", peer: "127.0.0.1:4711",
			headers: map[string][]string{"Via": {"1.1 proxy"}}, address: "127.0.0.1"},
		{name: "the name of a public host gives a proxy away", peer: "127.0.0.1:4711", host: "chat.example.org", address: "127.0.0.1"},
		{name: "HTTP/1.0 gives a proxy away", peer: "127.0.0.1:4711", old: true, address: "127.0.0.1"},
		{name: "https outside gives a proxy away", peer: "127.0.0.1:4711", secure: true, address: "127.0.0.1"},
		{name: "a forwarder of bytes is told by nothing but the name that people use", peer: "127.0.0.1:4711", public: true, address: "127.0.0.1"},
		{name: "a trusted proxy on this machine passes a stranger on", trusted: loopback, peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {"203.0.113.7"}}, address: "203.0.113.7"},
		{name: "a stranger's claim before the trusted proxy's word counts nothing", trusted: loopback, peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1, 203.0.113.7"}}, address: "203.0.113.7"},
		// What connects to a proxy from the proxy's own machine may be another one: a TLS terminator, a tunnel.
		{name: "a trusted proxy on this machine cannot say that nobody stands behind its client", trusted: loopback, peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1"}}, address: "127.0.0.1"},
		{name: "nor by IPv6, with https outside and another name", trusted: loopback, peer: "[::1]:4711", secure: true,
			headers: map[string][]string{"X-Forwarded-For": {"::1"}, "X-Forwarded-Host": {"chat.example.org"}},
			address: "::/64"},
		{name: "a trusted proxy that names nobody makes nobody local", trusted: loopback, peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Real-Ip": {"203.0.113.7"}}, address: "127.0.0.1"},
		{name: "the loopback of a trusted proxy elsewhere is not that of this machine", trusted: proxies, peer: "10.1.2.3:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1"}}, address: "127.0.0.1"},
		{name: "nor is it so through a second one", trusted: append(proxies, loopback...), peer: "127.0.0.1:4711",
			headers: map[string][]string{"X-Forwarded-For": {"127.0.0.1, 10.1.2.3"}}, address: "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			if r.Host = c.host; c.host == "" {
				r.Host = "localhost:8080"
			}
			if c.old {
				r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0
			}
			for name, values := range c.headers {
				r.Header[name] = values
			}
			origin := resolver{trusted: c.trusted, secure: c.secure, public: c.public}.origin(r)
			if origin.Address != c.address {
				t.Errorf("address = %q, want %q", origin.Address, c.address)
			}
			if origin.Local != c.local {
				t.Errorf("local = %v, want %v", origin.Local, c.local)
			}
		})
	}
}

func TestLoopbackName(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "127.0.0.1": true, "127.9.9.9:8080": true, "[::1]": true, "[::1]:8080": true,
		"localhost.example.org": false, "127.0.0.1.example.org": false, "example.org": false, "": false, "10.0.0.1": false, "0.0.0.0": false,
	} {
		if got := loopbackName(host); got != want {
			t.Errorf("loopbackName(%q) = %v, want %v", host, got, want)
		}
	}
}

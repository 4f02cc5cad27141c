package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Redis is where the Redis is that joins several nodes.
type Redis struct {
	// Addrs are host:port: of the server, of the sentinels, or of some nodes of the cluster, which name the others. Of a
	// server on this machine it may be the path of its socket.
	Addrs []string
	// Master is what the sentinels call the server; empty where there are none.
	Master string
	// Cluster says that keys are spread over several servers.
	Cluster bool
	// Database is one of the server's numbered databases; a cluster has only number 0.
	Database int
	// User and Password log in to the servers; both or the user alone may be empty.
	User     string
	Password Secret
	// SentinelUser and SentinelPassword log in to the sentinels.
	SentinelUser     string
	SentinelPassword Secret
	// TLS protects the connections, those to sentinels too.
	TLS bool
}

// Ports without a word about them: those of redis.conf and sentinel.conf.
const (
	portRedis    = "6379"
	portSentinel = "26379"
)

// maxRedisDatabase bounds the number of a database; servers have 16 unless told otherwise.
const maxRedisDatabase = 9999

// ParseRedis reads one of
//
//	redis://user:password@host:6379/0
//	unix://user:password@/run/redis/redis.sock?db=0
//	redis+sentinel://user:password@host:26379,host:26379/master/0?sentinel_user=…&sentinel_password=…
//	redis+cluster://user:password@host:6379,host:6379
//
// with rediss instead of redis where TLS protects the connections. User, password, ports, number and parameters may be
// missing. The form alone is looked at; whether a Redis answers there is known only when it is asked.
func ParseRedis(text Secret) (Redis, bool) {
	scheme, hosts, u, ok := cutHosts(string(text))
	if !ok || u.Fragment != "" || strings.HasSuffix(string(text), "#") {
		return Redis{}, false
	}
	server := Redis{TLS: strings.HasPrefix(scheme, "rediss")}
	if u.User != nil {
		password, _ := u.User.Password()
		server.User, server.Password = u.User.Username(), Secret(password)
		if server.User != "" && password == "" {
			return Redis{}, false
		}
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Redis{}, false
	}
	take := func(name string) string {
		value := parameters.Get(name)
		parameters.Del(name)
		return value
	}
	path, port := u.Path, portRedis
	switch scheme {
	case "redis", "rediss":
		ok = !strings.Contains(hosts, ",")
	case "unix":
		server.Addrs, path = []string{u.Path}, "/"+take("db")
		ok = hosts == "" && len(u.Path) > 1
	case "redis+sentinel", "rediss+sentinel":
		port = portSentinel
		server.Master, path, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		server.SentinelUser, server.SentinelPassword = take("sentinel_user"), Secret(take("sentinel_password"))
		ok = server.Master != "" && (server.SentinelUser == "" || server.SentinelPassword != "")
	case "redis+cluster", "rediss+cluster":
		server.Cluster = true
		ok = path == "" || path == "/" || path == "/0"
	default:
		return Redis{}, false
	}
	if !ok || len(parameters) > 0 {
		return Redis{}, false
	}
	if scheme != "unix" {
		if server.Addrs, ok = addresses(hosts, port); !ok {
			return Redis{}, false
		}
	}
	server.Database, ok = redisDatabase(path)
	return server, ok
}

// authority finds scheme, user with password, and hosts of a URL.
var authority = regexp.MustCompile(`^([a-z+]+)://(?:([^/?#]*)@)?([^/?#@]*)`)

// cutHosts takes the hosts out of a URL, because package url knows one of them only, and reads the rest.
func cutHosts(text string) (scheme, hosts string, rest *url.URL, ok bool) {
	found := authority.FindStringSubmatchIndex(text)
	if found == nil {
		return "", "", nil, false
	}
	rest, err := url.Parse(text[:found[6]] + text[found[7]:])
	return text[found[2]:found[3]], text[found[6]:found[7]], rest, err == nil
}

// addresses reads hosts with or without ports, separated by commas.
func addresses(list, port string) ([]string, bool) {
	var found []string
	for entry := range strings.SplitSeq(list, ",") {
		address := entry
		if _, _, err := net.SplitHostPort(entry); err != nil {
			address = net.JoinHostPort(strings.TrimSuffix(strings.TrimPrefix(entry, "["), "]"), port)
		}
		host, number, err := net.SplitHostPort(address)
		n, wrong := strconv.ParseUint(number, 10, 16)
		_, isName := netip.ParseAddr(host)
		if err != nil || wrong != nil || n == 0 || isName != nil && !hostname.MatchString(host) {
			return nil, false
		}
		found = append(found, address)
	}
	return found, true
}

// redisDatabase reads the number of a database from what is left of a path.
func redisDatabase(path string) (int, bool) {
	number := strings.TrimPrefix(path, "/")
	if number == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return int(n), err == nil && n <= maxRedisDatabase
}

package config_test

import (
	"reflect"
	"testing"

	"parley/config"
)

func TestParseRedis(t *testing.T) {
	t.Parallel()
	for text, want := range map[config.Secret]config.Redis{
		"redis://cache":                          {Addrs: []string{"cache:6379"}},
		"redis://cache/":                         {Addrs: []string{"cache:6379"}},
		"redis://u%40x:p%2Fw@cache:7000/3":       {Addrs: []string{"cache:7000"}, User: "u@x", Password: "p/w", Database: 3},
		"redis://:secret@[::1]":                  {Addrs: []string{"[::1]:6379"}, Password: "secret"},
		"redis://:p@ss@192.0.2.7:1":              {Addrs: []string{"192.0.2.7:1"}, Password: "p@ss"},
		"rediss://cache.example.org":             {Addrs: []string{"cache.example.org:6379"}, TLS: true},
		"unix:///run/redis/redis.sock":           {Addrs: []string{"/run/redis/redis.sock"}},
		"unix://:secret@/run/redis/s?db=1":       {Addrs: []string{"/run/redis/s"}, Password: "secret", Database: 1},
		"redis+sentinel://one/main":              {Addrs: []string{"one:26379"}, Master: "main"},
		"rediss+sentinel://one,two:1,[::1]:2/m/": {Addrs: []string{"one:26379", "two:1", "[::1]:2"}, Master: "m", TLS: true},
		"redis+sentinel://u:p@one,two/main/4?sentinel_user=s&sentinel_password=q%26": {
			Addrs: []string{"one:26379", "two:26379"}, Master: "main", Database: 4, User: "u", Password: "p",
			SentinelUser: "s", SentinelPassword: "q&",
		},
		"redis+cluster://:p@[::1]:1,[::2],three/0": {Addrs: []string{"[::1]:1", "[::2]:6379", "three:6379"}, Password: "p", Cluster: true},
		"rediss+cluster://one":                     {Addrs: []string{"one:6379"}, Cluster: true, TLS: true},
	} {
		if got, ok := config.ParseRedis(text); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", string(text), got, ok)
		}
	}
	for text, why := range map[config.Secret]string{
		"":                                        "nothing",
		"cache:6379":                              "no scheme",
		"http://cache":                            "another scheme",
		"unix+sentinel:///main":                   "a scheme that is none",
		"redis:///0":                              "no host",
		"redis://a,b":                             "two hosts without a word on what they are",
		"redis://cache/one":                       "a name for a database",
		"redis://cache/10000":                     "a number that is too high",
		"redis://cache/0/1":                       "two numbers",
		"redis://cache:0":                         "port 0",
		"redis://cache:70000":                     "port 70000",
		"redis://cache:":                          "a colon without a port",
		"redis://a b":                             "a strange host",
		"redis://cache#0":                         "a fragment",
		"redis://cache#":                          "an empty fragment",
		"redis://cache?db=1":                      "a parameter of another form",
		"redis://cache?a=%zz":                     "a parameter that is none",
		"redis://u:%zz@cache":                     "a password that is no text",
		"redis://user@cache":                      "a user without a password",
		"unix:///":                                "no path",
		"unix://cache/run/s":                      "a host and a path",
		"unix:///run/s?db=one":                    "a name for a database behind a socket",
		"redis+sentinel://one":                    "no name of the server",
		"redis+sentinel://one//0":                 "an empty name",
		"redis+sentinel:///main":                  "no sentinel",
		"redis+sentinel://one,,two/m":             "an empty sentinel",
		"redis+sentinel://one/m/x":                "a name for a database behind sentinels",
		"redis+sentinel://o/m?sentinel_user=s":    "a user of the sentinels without a password",
		"redis+cluster://one/1":                   "a database in a cluster",
		"redis+cluster://one?sentinel_password=s": "a sentinel's password in a cluster",
	} {
		if got, ok := config.ParseRedis(text); ok {
			t.Errorf("%s (%s): got %+v", string(text), why, got)
		}
	}
}

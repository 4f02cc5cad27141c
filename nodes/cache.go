package nodes

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
)

// viewerPrefix begins the keys of viewers. What stands in one has a version of its own, so that nodes of two versions side
// by side do not read each other's; each then hears of what the other changes as late as without Redis.
const viewerPrefix = "parley:viewer:1:"

// A person has one hash: whom each of the person's tokens leads to, and a lease. Whoever finds nothing there is given the
// lease, and may put in what they read as long as that is still the one: forgetting takes the whole hash away, and the next
// to come makes another. So what was read before a change is not put in after it, whatever was lost or emptied meanwhile.
//
// Each value begins with the moment before it was read, in 16 digits of microseconds by Redis' own clock, by which it is told
// or not. So what was long on its way, to a Redis that had stopped dead say, is too old when it comes in.
var (
	recall = redis.NewScript(`
		local clock = redis.call('TIME')
		local now = clock[1] * 1000000 + clock[2]
		local life = tonumber(ARGV[3])
		local found = redis.call('HMGET', KEYS[1], 'lease', ARGV[1])
		if found[2] then
			local age = now - tonumber(string.sub(found[2], 1, 16))
			if age >= 0 and age < life then
				return {string.sub(found[2], 17)}
			end
		end
		local lease = found[1] or ARGV[2]
		if not found[1] then
			redis.call('HSET', KEYS[1], 'lease', lease)
		end
		redis.call('PEXPIRE', KEYS[1], math.ceil(life / 1000))
		return {'', lease, string.format('%016.0f', now)}
	`)
	remember = redis.NewScript(`
		if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then
			return 0
		end
		redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
		redis.call('PEXPIRE', KEYS[1], math.ceil(tonumber(ARGV[4]) / 1000))
		return 1
	`)
)

// ViewerCache is the [chat.ViewerCache] of several nodes: what one forgets, all have forgotten. While Redis is away each
// node remembers by itself.
type ViewerCache struct {
	redis *Redis
	alone *chat.MemoryViewerCache
}

// NewViewerCache makes a cache in the nodes' Redis, and in this node's own memory while that is away.
func NewViewerCache(r *Redis, alone *chat.MemoryViewerCache) *ViewerCache {
	return &ViewerCache{redis: r, alone: alone}
}

// Viewer implements [chat.ViewerCache]. What this node's own memory remembers was always read from rows, never from Redis:
// otherwise the ages of both would add up.
func (c *ViewerCache) Viewer(ctx context.Context, person chat.ID, key string, read chat.ReadViewer) (chat.Viewer, error) {
	if c.redis.Away() {
		return c.alone.Viewer(ctx, person, key, read)
	}
	if c.alone.Forgot(person) {
		// Redis may not have heard of it, or have forgotten that it did: who was logged out here just now stays so in any case.
		viewer, _, err := read(ctx)
		return viewer, err
	}
	name, field := viewers(person), hashed(key)
	var answer []string
	err := c.redis.Ask(ctx, func(ctx context.Context, client redis.UniversalClient) (err error) {
		answer, err = recall.Run(ctx, client, []string{name}, field, rand.Text(), chat.ViewerLife.Microseconds()).StringSlice()
		return err
	})
	if err != nil {
		return c.alone.Viewer(ctx, person, key, read)
	}
	if len(answer) == 1 {
		if viewer, ok := decodeViewer(answer[0]); ok {
			return viewer, nil
		}
	}
	viewer, keep, err := read(ctx)
	if err != nil || !keep || len(answer) != 3 {
		return viewer, err
	}
	_ = c.redis.Ask(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		return remember.Run(ctx, client, []string{name}, field, answer[1], answer[2]+encodeViewer(viewer),
			chat.ViewerLife.Microseconds()).Err()
	}) // if it fails it is read again
	return viewer, nil
}

// Forget implements [chat.ViewerCache]. Where Redis does not hear of it, what it remembers ends by itself.
func (c *ViewerCache) Forget(ctx context.Context, people ...chat.ID) {
	c.alone.Forget(ctx, people...)
	_ = c.redis.Ask(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, person := range people {
				p.Del(ctx, viewers(person))
			}
			return nil
		})
		return err
	})
}

// viewers names the hash of a person.
func viewers(person chat.ID) string { return viewerPrefix + hashed(string(person[:])) }

// hashed is how somebody, and something of theirs, is named in Redis.
func hashed(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// viewerInRedis is what of a viewer stands in Redis: what pages need, and nothing that lets anybody in.
type viewerInRedis struct {
	Session  chat.ID    `json:"session"`
	Person   chat.ID    `json:"person"`
	Username string     `json:"username"`
	Name     string     `json:"name"`
	Card     int64      `json:"card"`
	Role     chat.Role  `json:"role"`
	State    chat.State `json:"state"`
	Language string     `json:"language"`
	Zone     string     `json:"zone"`
	Theme    chat.Theme `json:"theme"`
	Hides    bool       `json:"hides,omitempty"` // what was read
	View     int64      `json:"view"`
	Created  int64      `json:"created"` // in microseconds, which is as fine as the database has it
}

func encodeViewer(v chat.Viewer) string {
	b, _ := json.Marshal(viewerInRedis{
		Session: v.SessionID, Person: v.ID, Username: v.Username, Name: v.DisplayName, Card: v.Card.Seq, Role: v.Role,
		State: v.State, Language: v.Language, Zone: v.TimeZone, Theme: v.Theme, Hides: v.HidesReceipts, View: v.ViewSeq, Created: v.CreatedAt.UnixMicro(),
	}) // words, numbers and ids: cannot fail
	return string(b)
}

func decodeViewer(text string) (viewer chat.Viewer, ok bool) {
	var v viewerInRedis
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return viewer, false
	}
	return chat.Viewer{
		Person: chat.Person{
			Card: chat.Card{ID: v.Person, Username: v.Username, DisplayName: v.Name, Seq: v.Card},
			Role: v.Role, State: v.State, Language: v.Language, TimeZone: v.Zone, Theme: v.Theme, HidesReceipts: v.Hides, ViewSeq: v.View,
			CreatedAt: time.UnixMicro(v.Created).UTC(),
		},
		SessionID: v.Session,
	}, true
}

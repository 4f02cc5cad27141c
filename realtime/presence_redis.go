package realtime

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
)

const (
	// presencePatience is how long Redis may take to say where people are: a page waits for it.
	presencePatience = 300 * time.Millisecond
	// presenceRest is how long it is not asked again after it did not answer.
	presenceRest = time.Second
	// presenceAtOnce is how many people are spoken of in one go.
	presenceAtOnce = 500
)

// A person has one sorted set: each connection with the moment, by Redis' own clock, at which it runs out unless the node that
// has it says so again. The last letter of a connection says whether it is used: h, or not: a; so the best is the greatest.
//
// People are divided into shares, and each share has a mark: since when Redis remembers it. It stands in the slot of the people's
// sets, so that in a cluster, too, nothing is emptied without it. A mark that is still to come is of a clock that was put back
// since, and counts from now on.
var (
	putConnections = redis.NewScript(`
		local clock = redis.call('TIME')
		local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
		redis.call('SET', KEYS[2], string.format('%.0f', now), 'NX')
		redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
		local before, after = '', ''
		for _, connection in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
			local state = string.sub(connection, -1)
			if state > before then before = state end
			if string.sub(connection, 1, #ARGV[1]) == ARGV[1] then
				redis.call('ZREM', KEYS[1], connection)
			elseif state > after then
				after = state
			end
		end
		for i = 3, #ARGV do
			local state = string.sub(ARGV[i], -1)
			if state > after then after = state end
			redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1] .. ARGV[i])
		end
		redis.call('PEXPIRE', KEYS[1], ARGV[2])
		if before == after then return 0 end
		return 1
	`)
	findConnections = redis.NewScript(`
		local clock = redis.call('TIME')
		local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
		local since = tonumber(redis.call('GET', KEYS[2]) or '')
		if not since or since > now then
			since = now
			redis.call('SET', KEYS[2], string.format('%.0f', now))
		end
		local best = ''
		for _, connection in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')) do
			local state = string.sub(connection, -1)
			if state > best then best = state end
		end
		return {best, now - since}
	`)
	markShare = redis.NewScript(`
		local clock = redis.call('TIME')
		redis.call('SET', KEYS[1], string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)), 'NX')
		return 0
	`)
)

// errPresenceAway is what asking ends with, at once, shortly after Redis did not answer.
var errPresenceAway = errors.New("redis did not answer a moment ago")

// redisConnections are the connections of all nodes that share a Redis.
type redisConnections struct {
	client   redis.UniversalClient
	log      *slog.Logger
	lease    time.Duration
	absent   time.Duration // so long Redis has to remember, and to have answered, until somebody is taken for absent
	patience time.Duration

	mu     sync.Mutex
	rest   time.Time // until then it is not asked
	away   bool      // it did not answer last; then nobody who is waited for tries it
	failed time.Time // when it did not answer last
	told   time.Time
}

func newRedisConnections(client redis.UniversalClient, log *slog.Logger, lease, absent time.Duration) *redisConnections {
	return &redisConnections{client: client, log: log, lease: lease, absent: absent, patience: presencePatience}
}

// presenceShares is into how many parts people are divided, whose connections are said again one part after the other.
const presenceShares = 64

// presenceShare is the part that somebody is in, by the last byte of the id, which is random.
func presenceShare(person chat.ID) int { return int(person[len(person)-1]) % presenceShares }

func presenceMark(share int) string { return "parley:presence:{" + strconv.Itoa(share) + "}:since" }

// presenceKeys are a person's set, and the mark of the share.
func presenceKeys(person chat.ID) []string {
	share := presenceShare(person)
	return []string{"parley:presence:{" + strconv.Itoa(share) + "}:" + person.String(), presenceMark(share)}
}

// letter is a state as it stands in a set.
func letter(state chat.Where) string {
	if state == chat.WhereHere {
		return "h"
	}
	return "a"
}

// call is one script on its way.
type call struct {
	script *redis.Script
	keys   []string
	args   []any
}

// put implements [connections].
func (r *redisConnections) put(ctx context.Context, node string, held []holding) (moved []chat.ID, err error) {
	for piece := range slices.Chunk(held, presenceAtOnce) {
		answers, err := r.ask(ctx, true, r.puts(node, piece))
		if err != nil {
			return moved, err
		}
		for i, answer := range answers {
			if news, _ := answer.(int64); news != 0 {
				moved = append(moved, piece[i].person)
			}
		}
	}
	return moved, nil
}

// renew implements [connections].
func (r *redisConnections) renew(ctx context.Context, node string, share int, held []holding) error {
	calls := append([]call{{markShare, []string{presenceMark(share)}, nil}}, r.puts(node, held)...)
	for piece := range slices.Chunk(calls, presenceAtOnce) {
		if _, err := r.ask(ctx, true, piece); err != nil {
			return err
		}
	}
	return nil
}

func (r *redisConnections) puts(node string, held []holding) []call {
	calls := make([]call, len(held))
	for i, h := range held {
		args := make([]any, 0, 2+len(h.connections))
		args = append(args, node+":", r.lease.Milliseconds())
		for _, c := range h.connections {
			args = append(args, strconv.FormatInt(c.number, 10)+":"+letter(c.state))
		}
		calls[i] = call{putConnections, presenceKeys(h.person), args}
	}
	return calls
}

// where implements [connections].
func (r *redisConnections) where(ctx context.Context, people []chat.ID) (map[chat.ID]chat.Where, error) {
	where := make(map[chat.ID]chat.Where, len(people))
	for piece := range slices.Chunk(people, presenceAtOnce) {
		calls := make([]call, len(piece))
		for i, person := range piece {
			calls[i] = call{findConnections, presenceKeys(person), nil}
		}
		answers, err := r.ask(ctx, false, calls)
		if err != nil {
			return nil, err
		}
		sound := r.sound()
		for i, answer := range answers {
			found, _ := answer.([]any)
			if len(found) != 2 {
				continue
			}
			age, _ := found[1].(int64)
			switch found[0] {
			case letter(chat.WhereHere):
				where[piece[i]] = chat.WhereHere
			case letter(chat.WhereAway):
				where[piece[i]] = chat.WhereAway
			default:
				if sound && age >= r.absent.Milliseconds() {
					where[piece[i]] = chat.WhereGone
				}
			}
		}
	}
	return where, nil
}

// sound says whether Redis has answered for so long that every node has said again what it has: after an outage all that it
// remembered may have run out.
func (r *redisConnections) sound() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.away && time.Since(r.failed) >= r.absent
}

// ask runs scripts in one go, and returns what each answers. After Redis did not answer, only who says what this node has tries
// it again, now and then; that whoever asks stops waiting breaks nothing off.
func (r *redisConnections) ask(ctx context.Context, tries bool, calls []call) ([]any, error) {
	r.mu.Lock()
	refused := r.away && (!tries || time.Now().Before(r.rest))
	r.mu.Unlock()
	if refused {
		return nil, errPresenceAway
	}
	timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.patience)
	defer cancel()
	answers, err := r.run(timed, calls)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		if tries {
			r.away = false
		}
		return answers, nil
	}
	now := time.Now()
	r.away, r.failed, r.rest = true, now, now.Add(presenceRest)
	if now.Sub(r.told) >= redisSilence {
		r.told = now
		r.log.Warn("Redis does not answer; who is there is only known of this node's pages", "error", err)
	}
	return nil, err
}

// run runs scripts by their names first, and those that Redis does not know by their texts.
func (r *redisConnections) run(ctx context.Context, calls []call) ([]any, error) {
	answers := make([]any, len(calls))
	left := make([]int, len(calls))
	for i := range left {
		left[i] = i
	}
	for _, send := range []func(redis.Pipeliner, call) *redis.Cmd{
		func(p redis.Pipeliner, c call) *redis.Cmd { return p.EvalSha(ctx, c.script.Hash(), c.keys, c.args...) },
		func(p redis.Pipeliner, c call) *redis.Cmd { return c.script.Eval(ctx, p, c.keys, c.args...) },
	} {
		pipe := r.client.Pipeline()
		sent := make([]*redis.Cmd, len(left))
		for n, i := range left {
			sent[n] = send(pipe, calls[i])
		}
		_, _ = pipe.Exec(ctx) // each command has its own error
		var unknown []int
		for n, i := range left {
			answer, err := sent[n].Result()
			switch {
			case err == nil:
				answers[i] = answer
			case redis.HasErrorPrefix(err, "NOSCRIPT"):
				unknown = append(unknown, i)
			default:
				return nil, err
			}
		}
		if left = unknown; len(left) == 0 {
			return answers, nil
		}
	}
	return nil, errors.New("redis knows no script that it was just given")
}

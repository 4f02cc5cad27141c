package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chat"
)

const (
	// redisChannel is where nodes speak to each other. What is said has a version of its own: an unknown kind is ignored.
	redisChannel = "parley:hints:1"
	// redisQueue bounds what waits while Redis does not answer, in events; beyond it the sweep has to find them.
	redisQueue = 1024
	// redisPatience bounds one attempt to say something.
	redisPatience = time.Second
	// redisSilence is how often trouble with Redis is told of.
	redisSilence = time.Minute
)

// RedisLink joins nodes through Redis' publish and subscribe. A Redis that is slow or away slows nothing.
type RedisLink struct {
	client redis.UniversalClient
	node   string
	log    *slog.Logger
	queue  chan []byte
	end    context.CancelFunc
	sender sync.WaitGroup
	lost   atomic.Int64

	mu   sync.Mutex
	told time.Time
}

// NewRedisLink makes a link over a client, which stays the caller's and has to outlive it. It does not wait for Redis to
// answer.
func NewRedisLink(client redis.UniversalClient, log *slog.Logger) *RedisLink {
	ctx, end := context.WithCancel(context.Background())
	l := &RedisLink{client: client, node: chat.NewID().String(), log: log, queue: make(chan []byte, redisQueue), end: end}
	l.sender.Go(func() { l.send(ctx) })
	return l
}

// hint is an event on its way.
type hint struct {
	Node string    `json:"node"`
	Kind string    `json:"kind"`
	ID   chat.ID   `json:"id"`
	Seq  int64     `json:"seq,omitempty"`
	IDs  []chat.ID `json:"ids,omitempty"`
	Nums []int64   `json:"nums,omitempty"`
	By   []chat.ID `json:"by,omitempty"`

	Typing *typingHint `json:"typing,omitempty"`
}

// typingHint is who writes in the conversation that the hint is of.
type typingHint struct {
	Person   chat.ID `json:"person"`
	Username string  `json:"username,omitempty"`
	Name     string  `json:"name,omitempty"`
	Card     int64   `json:"card,omitempty"`
	Left     int64   `json:"left,omitempty"` // in milliseconds
	Stopped  bool    `json:"stopped,omitempty"`
}

func encodeHint(event chat.Event) (h hint, ok bool) {
	switch e := event.(type) {
	case chat.ConversationChanged:
		return hint{Kind: "conversation", ID: e.ConversationID, Seq: e.ChangeSeq}, true
	case chat.PersonChanged:
		return hint{Kind: "person", ID: e.PersonID, Seq: e.ViewSeq}, true
	case chat.PositionsMoved:
		return hint{Kind: "positions", ID: e.PersonID, IDs: e.Conversations, Nums: e.Moves}, true
	case chat.ReceiptsMoved:
		return hint{Kind: "receipts", IDs: e.Conversations, By: e.By}, true
	case chat.ReceiptsChosen:
		return hint{Kind: "receipts_chosen", ID: e.PersonID}, true
	case chat.CardChanged:
		return hint{Kind: "card", ID: e.PersonID, Seq: e.Seq}, true
	case chat.DraftSaved:
		return hint{Kind: "draft", ID: e.PersonID, IDs: []chat.ID{e.ConversationID}}, true
	case chat.Typed:
		return hint{Kind: "typing", ID: e.ConversationID, IDs: e.Readers, Typing: &typingHint{
			Person: e.PersonID, Username: e.Card.Username, Name: e.Card.DisplayName, Card: e.Card.Seq,
			Left: e.Left.Milliseconds(), Stopped: e.Stopped,
		}}, true
	case chat.SessionsEnded:
		return hint{Kind: "sessions", IDs: e.Sessions}, true
	case chat.PresenceMoved:
		return hint{Kind: "presence", IDs: e.PersonIDs}, true
	}
	return hint{}, false
}

func (h hint) event() (event chat.Event, ok bool) {
	switch h.Kind {
	case "conversation":
		return chat.ConversationChanged{ConversationID: h.ID, ChangeSeq: h.Seq}, true
	case "person":
		return chat.PersonChanged{PersonID: h.ID, ViewSeq: h.Seq}, true
	case "positions":
		return chat.PositionsMoved{PersonID: h.ID, Conversations: h.IDs, Moves: h.Nums}, true
	case "receipts":
		return chat.ReceiptsMoved{Conversations: h.IDs, By: h.By}, true
	case "receipts_chosen":
		return chat.ReceiptsChosen{PersonID: h.ID}, true
	case "card":
		return chat.CardChanged{PersonID: h.ID, Seq: h.Seq}, true
	case "draft":
		if len(h.IDs) == 1 {
			return chat.DraftSaved{PersonID: h.ID, ConversationID: h.IDs[0]}, true
		}
	case "typing":
		if t := h.Typing; t != nil {
			return chat.Typed{
				ConversationID: h.ID, PersonID: t.Person, Readers: h.IDs, Left: time.Duration(t.Left) * time.Millisecond, Stopped: t.Stopped,
				Card: chat.Card{ID: t.Person, Username: t.Username, DisplayName: t.Name, Seq: t.Card},
			}, true
		}
	case "sessions":
		return chat.SessionsEnded{Sessions: h.IDs}, true
	case "presence":
		return chat.PresenceMoved{PersonIDs: h.IDs}, true
	}
	return nil, false // of a later version
}

// Send implements [Link].
func (l *RedisLink) Send(event chat.Event) {
	h, ok := encodeHint(event)
	if !ok {
		return
	}
	h.Node = l.node
	said, err := json.Marshal(h)
	if err != nil {
		return // ids and numbers: cannot fail
	}
	select {
	case l.queue <- said:
	default:
		l.lost.Add(1)
		l.complain(errors.New("too many events wait"))
	}
}

func (l *RedisLink) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case said := <-l.queue:
			timed, cancel := context.WithTimeout(ctx, redisPatience)
			err := l.client.Publish(timed, redisChannel, said).Err()
			cancel()
			if err != nil && ctx.Err() == nil {
				l.lost.Add(1)
				l.complain(err)
			}
		}
	}
}

// Lost is how many events could not be handed to Redis.
func (l *RedisLink) Lost() int64 { return l.lost.Load() }

// Listen implements [Link]. The library subscribes anew by itself when Redis comes back.
func (l *RedisLink) Listen(ctx context.Context, hear func(chat.Event)) {
	subscription := l.client.Subscribe(ctx, redisChannel)
	defer func() { _ = subscription.Close() }()
	messages := subscription.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case message, open := <-messages:
			if !open {
				return
			}
			var h hint
			if err := json.Unmarshal([]byte(message.Payload), &h); err != nil || h.Node == l.node {
				continue
			}
			if event, ok := h.event(); ok {
				hear(event)
			}
		}
	}
}

// complain tells of trouble, once in a while.
func (l *RedisLink) complain(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.told) < redisSilence {
		return
	}
	l.told = time.Now()
	l.log.Warn("Redis does not answer; other nodes hear of changes by their sweep", "error", err)
}

// Close implements [Link].
func (l *RedisLink) Close() error {
	l.end()
	l.sender.Wait()
	return nil
}

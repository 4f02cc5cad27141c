package chat

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// ViewerLife is how long a viewer is remembered. What ends somebody's rights holds everywhere within a second, and what a
// node is told by another place has been on its way for up to 50 ms.
const ViewerLife = 900 * time.Millisecond

// viewersRemembered bounds the memory of a [MemoryViewerCache], at some 500 bytes each. When it is full the least recently
// used one goes.
const viewersRemembered = 16_384

// MemoryViewerCache is the [ViewerCache] of a single node.
type MemoryViewerCache struct {
	clock   Clock
	mu      sync.Mutex
	viewers *simplelru.LRU[viewerKey, rememberedViewer]
	// turn counts what was forgotten. What somebody began to read at an earlier turn than the person was forgotten at
	// does not count, also where it is remembered only afterwards.
	turn      uint64
	forgotten map[ID]forgetting
	order     []forgetting // as they came, to find those that are too old to matter
}

type viewerKey struct {
	person ID
	key    string
}

type rememberedViewer struct {
	viewer Viewer
	began  time.Time // to be read
	turn   uint64
}

type forgetting struct {
	person ID
	at     time.Time
	turn   uint64
}

// NewMemoryViewerCache returns a cache in this process. The clock should have a monotonic reading, as [time.Now] does.
func NewMemoryViewerCache(clock Clock) *MemoryViewerCache {
	return newMemoryViewerCache(clock, viewersRemembered)
}

func newMemoryViewerCache(clock Clock, size int) *MemoryViewerCache {
	viewers, err := simplelru.NewLRU[viewerKey, rememberedViewer](size, nil)
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return &MemoryViewerCache{clock: clock, viewers: viewers, forgotten: map[ID]forgetting{}}
}

// Viewer implements [ViewerCache].
func (m *MemoryViewerCache) Viewer(ctx context.Context, person ID, key string, read ReadViewer) (Viewer, error) {
	k := viewerKey{person, key}
	m.mu.Lock()
	began, turn := m.clock(), m.turn
	known, ok := m.viewers.Get(k)
	ok = ok && m.holdsLocked(known, person, began)
	m.mu.Unlock()
	if ok {
		return known.viewer, nil
	}
	viewer, keep, err := read(ctx)
	if err != nil || !keep {
		return viewer, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if fresh := (rememberedViewer{viewer, began, turn}); m.holdsLocked(fresh, person, m.clock()) {
		m.viewers.Add(k, fresh)
	}
	return viewer, nil
}

// holdsLocked says whether what was read may still be told.
func (m *MemoryViewerCache) holdsLocked(v rememberedViewer, person ID, now time.Time) bool {
	forgotten, ever := m.forgotten[person]
	return young(v.began, now) && (!ever || v.turn >= forgotten.turn)
}

// young says whether something from then is younger than ViewerLife now: by the monotonic clock, which nobody sets, and by
// the one on the wall, which goes on while a machine sleeps.
func young(then, now time.Time) bool {
	wall := now.Round(0).Sub(then.Round(0))
	return now.Sub(then) < ViewerLife && wall < ViewerLife && wall >= 0
}

// Forget implements [ViewerCache].
func (m *MemoryViewerCache) Forget(_ context.Context, people ...ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	// What was begun to be read before those is too old by now in any case.
	for len(m.order) > 0 && now.Sub(m.order[0].at) >= ViewerLife {
		if first := m.order[0]; m.forgotten[first.person].turn == first.turn {
			delete(m.forgotten, first.person)
		}
		m.order = m.order[1:]
	}
	for _, person := range people {
		m.turn++
		f := forgetting{person, now, m.turn}
		m.forgotten[person] = f
		m.order = append(m.order, f)
	}
}

// Forgot says whether this cache was made to forget somebody within ViewerLife.
func (m *MemoryViewerCache) Forgot(person ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ever := m.forgotten[person]
	return ever && m.clock().Sub(f.at) < ViewerLife
}

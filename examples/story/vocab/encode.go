package vocab

import (
	"container/heap"
	"unicode/utf8"
)

// Encode turns a document into ids: BOS, then a space and the text as pieces. It
// merges the adjacent pair of best score, the leftmost of equals, until no pair is
// a piece. An empty text is BOS alone.
func (v *Vocab) Encode(text string) []int32 {
	if text == "" {
		return []int32{BOS}
	}
	m := v.split(" " + text)
	for i := range m.ids[1:] {
		m.offer(i, i+1)
	}
	for len(m.pairs) > 0 {
		p := heap.Pop(&m.pairs).(pair)
		if m.ids[p.left] == p.a && m.ids[p.right] == p.b && m.next[p.left] == p.right {
			m.merge(p)
		}
	}
	ids := []int32{BOS}
	for i := 0; i < len(m.ids); i = m.next[i] {
		ids = append(ids, m.ids[i])
	}
	return ids
}

// merger holds a text on its way from characters to pieces: a linked list of ids
// over fixed positions, and a queue of the pairs that may merge.
type merger struct {
	vocab      *Vocab
	ids        []int32 // a position that merged into its left neighbour holds gone
	next, prev []int
	pairs      queue
}

const gone = -1

// split cuts text into the ids of its characters, or of their bytes where a
// character is not a piece.
func (v *Vocab) split(text string) *merger {
	m := &merger{vocab: v}
	for len(text) > 0 {
		_, n := utf8.DecodeRuneInString(text)
		if id, ok := v.index[text[:n]]; ok {
			m.ids = append(m.ids, id)
		} else {
			for _, b := range []byte(text[:n]) {
				m.ids = append(m.ids, byte0+int32(b))
			}
		}
		text = text[n:]
	}
	m.next, m.prev = make([]int, len(m.ids)), make([]int, len(m.ids))
	for i := range m.ids {
		m.next[i], m.prev[i] = i+1, i-1
	}
	return m
}

// offer queues the pair at two neighbouring positions if it is a piece.
func (m *merger) offer(left, right int) {
	if left < 0 || right >= len(m.ids) {
		return
	}
	a, b := m.ids[left], m.ids[right]
	if id, ok := m.vocab.index[m.vocab.pieces[a]+m.vocab.pieces[b]]; ok {
		heap.Push(&m.pairs, pair{m.vocab.scores[id], left, right, a, b, id})
	}
}

func (m *merger) merge(p pair) {
	m.ids[p.left], m.ids[p.right] = p.id, gone
	after := m.next[p.right]
	m.next[p.left] = after
	if after < len(m.ids) {
		m.prev[after] = p.left
	}
	m.offer(m.prev[p.left], p.left)
	m.offer(p.left, after)
}

// pair is a candidate merge; a and b are the ids it was queued for.
type pair struct {
	score       float32
	left, right int
	a, b, id    int32
}

// queue orders pairs by score, best first, then by position.
type queue []pair

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].score != q[j].score {
		return q[i].score > q[j].score
	}
	return q[i].left < q[j].left
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(pair)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	*q = (*q)[:last]
	return p
}

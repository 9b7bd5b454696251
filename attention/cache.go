package attention

import "context"

// Cache is the convenience form for one sequence and one layer: it owns its pages,
// its table and its workspace, and grows by itself. A Cache is not safe for
// concurrent use. Once grown, Append and Attend allocate nothing.
type Cache struct {
	plan    *Plan
	n       int
	arena   []byte
	records []byte // of the pages in the arena
	table   []int32
	sched   Schedule
	work    []byte
}

// NewCache returns an empty cache for plan p.
func (p *Plan) NewCache() *Cache { return &Cache{plan: p} }

// Len is the number of stored tokens.
func (c *Cache) Len() int { return c.n }

// Bytes is the memory of the pages in use and of their records.
func (c *Cache) Bytes() int {
	return len(c.table) * (c.plan.layout.PageBytes + c.plan.layout.RecordBytes)
}

// Pages and Table expose the storage, for SaveKV or ReadKV. They change with Append.
func (c *Cache) Pages() Pages { return Pages{Arena: c.arena, Records: c.records} }

// Table lists the pages in use; the slice is the cache's own.
func (c *Cache) Table() []int32 { return c.table }

// Append stores tokens: k is [n][KVHeads][DK], v is [n][KVHeads][DV], contiguous.
func (c *Cache) Append(k, v []float32) error {
	cfg := &c.plan.cfg
	n := len(k) / (cfg.KVHeads * cfg.DK)
	if len(k) != n*cfg.KVHeads*cfg.DK {
		return fieldErr(ErrShape, "k", "length %d is not a multiple of %d·%d", len(k), cfg.KVHeads, cfg.DK)
	}
	if len(v) != n*cfg.KVHeads*cfg.DV {
		return fieldErr(ErrShape, "v", "length %d, want %d tokens of %d·%d", len(v), n, cfg.KVHeads, cfg.DV)
	}
	if n == 0 {
		return nil
	}
	if n > maxTokens-c.n {
		return fieldErr(ErrShape, "k", "more than %d tokens", maxTokens)
	}
	c.reserve(c.n + n)
	if err := c.plan.Append(c.Pages(), c.table, c.n, n, Rows{F32: k}, Rows{F32: v}); err != nil {
		c.table = c.table[:c.plan.layout.TablePages(c.n)]
		return err
	}
	c.n += n
	return nil
}

// reserve makes room for n tokens, doubling what there is.
func (c *Cache) reserve(n int) {
	pages := c.plan.layout.TablePages(n)
	c.arena = grown(c.arena, pages*c.plan.layout.PageBytes)
	c.records = grown(c.records, pages*c.plan.layout.RecordBytes)
	for len(c.table) < pages {
		c.table = append(c.table, int32(len(c.table)))
	}
}

// grown returns b where it has n bytes, else a copy of at least twice its size.
func grown(b []byte, n int) []byte {
	if n <= len(b) {
		return b
	}
	c := AlignedBytes(max(n, 2*len(b)))
	copy(c, b)
	return c
}

// Truncate drops tokens ≥ n.
func (c *Cache) Truncate(n int) error {
	if n < 0 || n > c.n {
		return fieldErr(ErrShape, "n", "%d is outside 0..%d", n, c.n)
	}
	c.n = n
	c.table = c.table[:c.plan.layout.TablePages(n)]
	return nil
}

// Attend computes attention of the last len(q)/(QHeads·DK) query rows over the
// stored tokens: q is [rows][QHeads][DK], out [rows][QHeads][DV]. The last row sits on
// the last token.
func (c *Cache) Attend(ctx context.Context, out, q []float32) error {
	cfg := &c.plan.cfg
	rows := len(q) / (cfg.QHeads * cfg.DK)
	if len(q) != rows*cfg.QHeads*cfg.DK || rows > maxTokens {
		return fieldErr(ErrShape, "q", "length %d is not a multiple of %d·%d", len(q), cfg.QHeads, cfg.DK)
	}
	b := Batch{QStart: []int32{0, int32(rows)}, KVLen: []int32{int32(c.n)}, Table: c.table,
		TabStart: []int32{0, int32(len(c.table))}}
	if err := c.plan.Reschedule(&c.sched, &b); err != nil {
		return err
	}
	if n := c.sched.WorkspaceBytes(); n > len(c.work) {
		c.work = AlignedBytes(n)
	}
	return c.plan.Run(ctx, &c.sched, c.Pages(), &IO{Q: Rows{F32: q}, Out: out, Workspace: c.work})
}

// Dense is the one-shot call: attention of q over k and v, stored in cfg's formats
// for the duration of the call. q is [qLen][QHeads][DK], k [kvLen][KVHeads][DK], v
// [kvLen][KVHeads][DV], out [qLen][QHeads][DV], all contiguous; the lengths follow
// from the slices. Query row i sits at position i + kvLen − qLen. It allocates a plan
// and pages on every call: keep a Plan and a Cache where that matters.
func Dense(ctx context.Context, cfg Config, out, q, k, v []float32) error {
	p, err := NewPlan(cfg)
	if err != nil {
		return err
	}
	c := p.NewCache()
	if err := c.Append(k, v); err != nil {
		return err
	}
	return c.Attend(ctx, out, q)
}

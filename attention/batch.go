package attention

// Batch describes the sequences of one step. Sequence s owns query rows
// QStart[s]..QStart[s+1]−1 and KVLen[s] stored tokens, on the pages
// Table[TabStart[s]:TabStart[s+1]]. The tokens of the query rows themselves are
// appended before attention, so KVLen counts them.
type Batch struct {
	QStart   []int32 // n+1 entries, first 0, not decreasing
	KVLen    []int32 // n entries, 0 allowed
	Table    []int32 // page ids
	TabStart []int32 // n+1 entries into Table, not decreasing
	// QOffset, n entries or nil, is the position of each sequence's first query row;
	// nil means KVLen − QLen: the last query row sits on the last token. It may be
	// negative: such rows see nothing when causal.
	QOffset []int32

	// Mask and Bias are optional and referenced, not copied: keep them unchanged until
	// the last Run of the schedule.
	Mask *Mask
	Bias *Bias
}

// check validates b against plan p and returns the largest page id, −1 when none.
func (b *Batch) check(p *Plan) (maxPage int32, err error) {
	n := len(b.KVLen)
	for _, f := range []struct {
		name string
		v    []int32
		top  int
	}{{"Batch.QStart", b.QStart, maxTokens}, {"Batch.TabStart", b.TabStart, len(b.Table)}} {
		if n == 0 && len(f.v) == 0 {
			continue
		}
		if len(f.v) != n+1 {
			return 0, fieldErr(ErrShape, f.name, "length %d, want len(KVLen)+1 = %d", len(f.v), n+1)
		}
		if f.v[0] != 0 {
			return 0, fieldErr(ErrShape, f.name, "first entry is %d, want 0", f.v[0])
		}
		for i := range n {
			if f.v[i+1] < f.v[i] {
				return 0, fieldErr(ErrShape, f.name, "entry %d decreases from %d to %d", i+1, f.v[i], f.v[i+1])
			}
		}
		if int(f.v[n]) > f.top {
			return 0, fieldErr(ErrShape, f.name, "last entry is %d, at most %d is possible", f.v[n], f.top)
		}
	}
	units := 0
	for s := range n {
		units += (int(b.QStart[s+1]-b.QStart[s]) + p.tokens - 1) / p.tokens
	}
	if units > maxUnits/p.cfg.KVHeads {
		return 0, fieldErr(ErrShape, "Batch.QStart", "%d rows make more than %d units of work: split the step", b.QStart[n], maxUnits)
	}
	if b.QOffset != nil && len(b.QOffset) != n {
		return 0, fieldErr(ErrShape, "Batch.QOffset", "length %d, want len(KVLen) = %d", len(b.QOffset), n)
	}
	maxPage = -1
	for s := range n {
		if b.KVLen[s] < 0 || b.KVLen[s] > maxTokens {
			return 0, fieldErr(ErrShape, "Batch.KVLen", "entry %d is %d, outside 0..%d", s, b.KVLen[s], maxTokens)
		}
		if b.QOffset != nil && (b.QOffset[s] < -maxTokens || b.QOffset[s] > maxTokens) {
			return 0, fieldErr(ErrShape, "Batch.QOffset", "entry %d is %d, outside ±%d", s, b.QOffset[s], maxTokens)
		}
		if b.QOffset != nil && int64(b.QOffset[s])+int64(b.QStart[s+1]-b.QStart[s]) > maxTokens {
			return 0, fieldErr(ErrShape, "Batch.QOffset", "entry %d is %d: its last row would sit beyond %d", s, b.QOffset[s], maxTokens)
		}
		if b.KVLen[s] == 0 {
			continue
		}
		table := b.Table[b.TabStart[s]:b.TabStart[s+1]]
		need := p.layout.TablePages(int(b.KVLen[s]))
		if len(table) < need {
			return 0, fieldErr(ErrPageTable, "Batch.TabStart", "sequence %d has %d pages, %d tokens need %d", s, len(table), b.KVLen[s], need)
		}
		for i, page := range table[:need] {
			if page < 0 {
				return 0, fieldErr(ErrPageTable, "Batch.Table", "sequence %d, entry %d is page %d", s, i, page)
			}
			maxPage = max(maxPage, page)
		}
	}
	if n == 0 {
		return maxPage, nil
	}
	if m := b.Mask; m != nil {
		if err := checkSpan("Batch.Mask", m.Start, m.HeadStride, 8*int64(len(m.Bits)), b, p.cfg.QHeads); err != nil {
			return 0, err
		}
	}
	if m := b.Bias; m != nil {
		if err := checkSpan("Batch.Bias", m.Start, m.HeadStride, int64(len(m.Values)), b, p.cfg.QHeads); err != nil {
			return 0, err
		}
	}
	return maxPage, nil
}

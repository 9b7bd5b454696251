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
	if err := checkStarts("Batch.QStart", b.QStart, n, maxTokens); err != nil {
		return 0, err
	}
	if err := checkStarts("Batch.TabStart", b.TabStart, n, len(b.Table)); err != nil {
		return 0, err
	}
	if err := b.checkUnits(p); err != nil {
		return 0, err
	}
	if b.QOffset != nil && len(b.QOffset) != n {
		return 0, fieldErr(ErrShape, "Batch.QOffset", "length %d, want len(KVLen) = %d", len(b.QOffset), n)
	}
	maxPage = -1
	for s := range n {
		top, err := b.checkSequence(p, s)
		if err != nil {
			return 0, err
		}
		maxPage = max(maxPage, top)
	}
	if m := b.Mask; m != nil && n > 0 {
		if err := checkSpan("Batch.Mask", m.Start, m.HeadStride, 8*int64(len(m.Bits)), b, p.cfg.QHeads); err != nil {
			return 0, err
		}
	}
	if m := b.Bias; m != nil && n > 0 {
		if err := checkSpan("Batch.Bias", m.Start, m.HeadStride, int64(len(m.Values)), b, p.cfg.QHeads); err != nil {
			return 0, err
		}
	}
	return maxPage, nil
}

// checkStarts validates n+1 ascending offsets from 0 to at most top. No sequence needs
// none.
func checkStarts(field string, v []int32, n, top int) error {
	if n == 0 && len(v) == 0 {
		return nil
	}
	if len(v) != n+1 {
		return fieldErr(ErrShape, field, "length %d, want len(KVLen)+1 = %d", len(v), n+1)
	}
	if v[0] != 0 {
		return fieldErr(ErrShape, field, "first entry is %d, want 0", v[0])
	}
	for i := range n {
		if v[i+1] < v[i] {
			return fieldErr(ErrShape, field, "entry %d decreases from %d to %d", i+1, v[i], v[i+1])
		}
	}
	if int(v[n]) > top {
		return fieldErr(ErrShape, field, "last entry is %d, at most %d is possible", v[n], top)
	}
	return nil
}

// checkUnits bounds the units of work.
func (b *Batch) checkUnits(p *Plan) error {
	units := 0
	for s := range b.KVLen {
		units += (int(b.QStart[s+1]-b.QStart[s]) + p.tokens - 1) / p.tokens
	}
	if units > maxUnits/p.cfg.KVHeads {
		return fieldErr(ErrShape, "Batch.QStart", "%d rows make more than %d units of work: split the step", b.QStart[len(b.KVLen)], maxUnits)
	}
	return nil
}

// checkSequence validates lengths, position and table of sequence s and returns its
// largest page id, −1 without tokens.
func (b *Batch) checkSequence(p *Plan, s int) (maxPage int32, err error) {
	if b.KVLen[s] < 0 || b.KVLen[s] > maxTokens {
		return 0, fieldErr(ErrShape, "Batch.KVLen", "entry %d is %d, outside 0..%d", s, b.KVLen[s], maxTokens)
	}
	if b.QOffset != nil && (b.QOffset[s] < -maxTokens || b.QOffset[s] > maxTokens) {
		return 0, fieldErr(ErrShape, "Batch.QOffset", "entry %d is %d, outside ±%d", s, b.QOffset[s], maxTokens)
	}
	if b.QOffset != nil && int64(b.QOffset[s])+int64(b.QStart[s+1]-b.QStart[s]) > maxTokens {
		return 0, fieldErr(ErrShape, "Batch.QOffset", "entry %d is %d: its last row would sit beyond %d", s, b.QOffset[s], maxTokens)
	}
	maxPage = -1
	if b.KVLen[s] == 0 {
		return maxPage, nil
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
	return maxPage, nil
}

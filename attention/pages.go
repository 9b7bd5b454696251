package attention

import "math/bits"

// Pages views caller memory as pages: page b starts at Arena[Offset+b·Stride].
// Several layers may interleave in one arena. Stride 0 means the layout's PageBytes.
type Pages struct {
	Arena          []byte
	Offset, Stride int

	// Records is what certified plans keep besides pages, in memory of its own: with n the
	// layout's RecordBytes, page b has Records[b·n:][:n], whatever Offset and Stride are.
	// Layers that interleave in one arena have Records of their own, which may be parts of
	// one allocation. A page and its records go together under one number, where they are
	// shared, copied, recycled or saved, and in what may run concurrently: a call that reads
	// or writes a page may read or write its records, and no others. Records must not overlap
	// Arena; it needs neither alignment nor initialisation. Plans without certificates do
	// not look at it; ReadKV, Truncate and ObserveProbabilities do not need it.
	Records []byte
}

// count returns how many whole pages the view holds.
func (pg *Pages) count(pageBytes int) (int, error) {
	stride := pg.Stride
	if stride == 0 {
		stride = pageBytes
	}
	if stride < pageBytes {
		return 0, fieldErr(ErrShape, "Pages.Stride", "%d, want at least PageBytes = %d", stride, pageBytes)
	}
	if pg.Offset < 0 {
		return 0, fieldErr(ErrShape, "Pages.Offset", "%d is negative", pg.Offset)
	}
	room := len(pg.Arena) - pg.Offset
	if room < pageBytes {
		return 0, nil
	}
	return (room-pageBytes)/stride + 1, nil
}

// page returns page b, which count has admitted.
func (pg *Pages) page(b int32, pageBytes int) []byte {
	stride := pg.Stride
	if stride == 0 {
		stride = pageBytes
	}
	off := pg.Offset + int(b)*stride
	return pg.Arena[off : off+pageBytes : off+pageBytes]
}

// records returns the records of page b, which checkRecords has admitted.
func (pg *Pages) records(b int32, recordBytes int) []byte {
	off := int(b) * recordBytes
	return pg.Records[off : off+recordBytes : off+recordBytes]
}

// checkTable verifies that table covers n tokens with pages inside the view, and returns the
// highest of those pages, -1 where there are none.
func (p *Plan) checkTable(pg *Pages, table []int32, n int) (last int32, err error) {
	have, err := pg.count(p.geo.pageBytes)
	if err != nil || n == 0 {
		return -1, err
	}
	need := p.layout.TablePages(n)
	if len(table) < need {
		return -1, fieldErr(ErrPageTable, "table", "%d entries, %d tokens need %d", len(table), n, need)
	}
	last = -1
	for i, b := range table[:need] {
		if b < 0 || int(b) >= have {
			return -1, fieldErr(ErrPageTable, "table", "entry %d is page %d, the arena holds pages 0..%d", i, b, have-1)
		}
		last = max(last, b)
	}
	return last, nil
}

// checkRecords verifies that the view holds what the plan keeps besides pages 0..last, apart
// from the pages. last is -1 where no page is in use.
func (p *Plan) checkRecords(pg *Pages, last int32) error {
	if !p.cfg.Certify || last < 0 {
		return nil
	}
	if int(last) >= len(pg.Records)/p.geo.recordBytes {
		return fieldErr(ErrPageTable, "Pages.Records", "%d bytes, want at least %d for pages 0..%d",
			len(pg.Records), (int64(last)+1)*int64(p.geo.recordBytes), last)
	}
	if overlap(pg.Records, pg.Arena) {
		return fieldErr(ErrShape, "Pages.Records", "overlaps Pages.Arena")
	}
	return nil
}

// memory is a part of a view.
type memory struct {
	field string
	b     []byte
}

// memory returns what the plan reads or writes of a view.
func (p *Plan) memory(pg *Pages) [2]memory {
	m := [2]memory{{"Pages.Arena", pg.Arena}, {"Pages.Records", nil}}
	if p.cfg.Certify {
		m[1].b = pg.Records
	}
	return m
}

// mulFits returns a·b, or false when it overflows int. Both are ≥ 0.
func mulFits(a, b int) (int, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int(lo), hi == 0 && lo <= uint64(maxInt)
}

const maxInt = int(^uint(0) >> 1)

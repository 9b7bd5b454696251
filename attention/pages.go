package attention

import "math/bits"

// Pages views caller memory as pages: page b starts at Arena[Offset+b·Stride].
// Several layers may interleave in one arena. Stride 0 means the layout's PageBytes.
type Pages struct {
	Arena          []byte
	Offset, Stride int
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

// checkTable verifies that table covers n tokens with pages inside the view.
func (p *Plan) checkTable(pg *Pages, table []int32, n int) error {
	have, err := pg.count(p.geo.pageBytes)
	if err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	need := p.layout.TablePages(n)
	if len(table) < need {
		return fieldErr(ErrPageTable, "table", "%d entries, %d tokens need %d", len(table), n, need)
	}
	for i, b := range table[:need] {
		if b < 0 || int(b) >= have {
			return fieldErr(ErrPageTable, "table", "entry %d is page %d, the arena holds pages 0..%d", i, b, have-1)
		}
	}
	return nil
}

// mulFits returns a·b, or false when it overflows int. Both are ≥ 0.
func mulFits(a, b int) (int, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int(lo), hi == 0 && lo <= uint64(maxInt)
}

const maxInt = int(^uint(0) >> 1)

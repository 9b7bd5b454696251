package attention

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// Truncate drops tokens ≥ n of a sequence, after a rejected speculation for example.
// It costs nothing: without Codec.OwnCenter a token's bytes depend on earlier tokens only, so the next Append
// at position n continues as if the dropped tokens had never been. It checks that
// table covers n tokens.
func (p *Plan) Truncate(pg Pages, table []int32, n int) error {
	_, err := p.checkTokens(&pg, table, n)
	return err
}

// checkTokens is checkTable for a number of tokens of the caller's.
func (p *Plan) checkTokens(pg *Pages, table []int32, n int) (last int32, err error) {
	if n < 0 || n > maxTokens {
		return -1, fieldErr(ErrShape, "n", "%d is outside 0..%d", n, maxTokens)
	}
	return p.checkTable(pg, table, n)
}

// CopyPage copies page from of src to page to of dst, with its records if the plan certifies:
// the copy-on-write step when sequences that share a page part ways. The views may be of the
// same memory.
func (p *Plan) CopyPage(dst, src Pages, to, from int32) error {
	if err := p.checkPage("to", &dst, to); err != nil {
		return err
	}
	if err := p.checkPage("from", &src, from); err != nil {
		return err
	}
	if p.cfg.Certify {
		if overlap(dst.Records, src.Arena) || overlap(dst.Arena, src.Records) {
			return fieldErr(ErrShape, "Pages.Records", "overlaps the Pages.Arena of the other view")
		}
		copy(dst.records(to, p.geo.recordBytes), src.records(from, p.geo.recordBytes))
	}
	copy(dst.page(to, p.geo.pageBytes), src.page(from, p.geo.pageBytes))
	return nil
}

func (p *Plan) checkPage(field string, pg *Pages, page int32) error {
	have, err := pg.count(p.geo.pageBytes)
	if err == nil && (page < 0 || int(page) >= have) {
		err = fieldErr(ErrPageTable, field, "page %d, the arena holds pages 0..%d", page, have-1)
	}
	if err != nil {
		return err
	}
	return p.checkRecords(pg, page)
}

// ReadKV reconstructs tokens [pos, pos+n) as float32, for export, debugging or
// re-encoding at new positions: what the attention computes with, centre added and
// rotation undone. k and v must be F32 views of separate memory; either may be the zero
// Rows to skip it.
// No allocation.
func (p *Plan) ReadKV(pg Pages, table []int32, pos, n int, k, v Rows) error {
	if pos < 0 || n < 0 || pos > maxTokens-n {
		return fieldErr(ErrShape, "pos", "tokens %d..%d+%d are outside 0..%d", pos, pos, n, maxTokens)
	}
	if _, err := p.checkTable(&pg, table, pos+n); err != nil {
		return err
	}
	if err := p.checkRead("k", &p.geo.k, &pg, n, &k); err != nil {
		return err
	}
	if err := p.checkRead("v", &p.geo.v, &pg, n, &v); err != nil {
		return err
	}
	if overlap(bytesOf(k.F32), bytesOf(v.F32)) {
		return fieldErr(ErrShape, "v", "overlaps k")
	}
	buf := rowBuffers.Get().(*rowBuffer)
	defer rowBuffers.Put(buf)
	for t := range n {
		for h := range p.cfg.KVHeads {
			if k.F32 != nil {
				p.readRow(buf, k.row(nil, t, h, p.cfg.KVHeads, p.cfg.DK), &p.geo.k, &pg, table, pos+t, h)
			}
			if v.F32 != nil {
				p.readRow(buf, v.row(nil, t, h, p.cfg.KVHeads, p.cfg.DV), &p.geo.v, &pg, table, pos+t, h)
			}
		}
	}
	return nil
}

func (p *Plan) checkRead(field string, s *side, pg *Pages, n int, r *Rows) error {
	if r.empty() {
		return nil
	}
	if r.F32 == nil {
		return fieldErr(ErrShape, field, "want an F32 view")
	}
	if err := r.check(field, n, p.cfg.KVHeads, s.d); err != nil {
		return err
	}
	for _, m := range p.memory(pg) {
		if r.overlaps(m.b) {
			return fieldErr(ErrShape, field, "overlaps %s", m.field)
		}
	}
	return nil
}

// saveMagic starts a saved cache, followed by the layout ID, the token count (uint64),
// the pages in table order, each followed by its records if the plan certifies, and the IEEE
// CRC-32 of everything before it.
const saveMagic = "QATTNKV1"

// SaveKV writes the pages that hold the first n tokens of a sequence and returns the
// bytes written. Pages, and records of certified plans, go out whole: bytes of truncated
// tokens, or of a recycled page's former owner, go with them; clear both before reuse where
// that matters.
func (p *Plan) SaveKV(w io.Writer, pg Pages, table []int32, n int) (int64, error) {
	last, err := p.checkTokens(&pg, table, n)
	if err != nil {
		return 0, err
	}
	if err := p.checkRecords(&pg, last); err != nil {
		return 0, err
	}
	if w == nil {
		return 0, fieldErr(ErrShape, "w", "nil writer")
	}
	sum := crc32.NewIEEE()
	out := &countWriter{w: io.MultiWriter(w, sum)}
	head := append([]byte(saveMagic), p.layout.ID[:]...)
	out.write(binary.LittleEndian.AppendUint64(head, uint64(n)))
	if n > 0 {
		for _, b := range table[:p.layout.TablePages(n)] {
			out.write(pg.page(b, p.geo.pageBytes))
			if p.cfg.Certify {
				out.write(pg.records(b, p.geo.recordBytes))
			}
		}
	}
	out.write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return out.n, out.err
}

type countWriter struct {
	w   io.Writer
	n   int64
	err error
}

func (c *countWriter) write(b []byte) {
	if c.err == nil {
		var n int
		n, c.err = c.w.Write(b)
		c.n += int64(n)
	}
}

// LoadKV restores a sequence SaveKV wrote and returns its token count. The layout ID
// must be this plan's and the table must hold the tokens; a stream that is cut short
// or damaged is an ErrLayout. Nothing is written unless the whole stream is good.
func (p *Plan) LoadKV(r io.Reader, pg Pages, table []int32) (int, error) {
	if r == nil {
		return 0, fieldErr(ErrShape, "r", "nil reader")
	}
	sum := crc32.NewIEEE()
	in := io.TeeReader(r, sum)
	var head [len(saveMagic) + 16 + 8]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, readErr(err)
	}
	if string(head[:len(saveMagic)]) != saveMagic {
		return 0, fieldErr(ErrLayout, "r", "not a saved cache")
	}
	if id := head[len(saveMagic):][:16]; !bytes.Equal(id, p.layout.ID[:]) {
		return 0, fieldErr(ErrLayout, "Layout.ID", "saved %x, this plan has %x: the configurations differ", id, p.layout.ID)
	}
	count := binary.LittleEndian.Uint64(head[len(saveMagic)+16:])
	if count > maxTokens {
		return 0, fieldErr(ErrLayout, "r", "%d tokens, at most %d are possible", count, maxTokens)
	}
	n := int(count)
	last, err := p.checkTable(&pg, table, n)
	if err != nil {
		return 0, err
	}
	if err := p.checkRecords(&pg, last); err != nil {
		return 0, err
	}
	var pages [][]byte
	if n > 0 {
		for range table[:p.layout.TablePages(n)] {
			b := make([]byte, p.geo.pageBytes+p.geo.recordBytes)
			if _, err := io.ReadFull(in, b); err != nil {
				return 0, readErr(err)
			}
			pages = append(pages, b)
		}
	}
	want := sum.Sum32()
	var tail [4]byte
	if _, err := io.ReadFull(r, tail[:]); err != nil {
		return 0, readErr(err)
	}
	if got := binary.LittleEndian.Uint32(tail[:]); got != want {
		return 0, fieldErr(ErrLayout, "r", "checksum %08x, the data has %08x: the stream is damaged", got, want)
	}
	for i, b := range pages {
		copy(pg.page(table[i], p.geo.pageBytes), b)
		if p.cfg.Certify {
			copy(pg.records(table[i], p.geo.recordBytes), b[p.geo.pageBytes:])
		}
	}
	return n, nil
}

func readErr(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fieldErr(ErrLayout, "r", "the stream ends early")
	}
	return err
}

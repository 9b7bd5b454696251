package reference

import (
	"encoding/binary"
	"fmt"
	"math"
)

// headerBytes is the size of page headers, tile headers and bitmaps.
const headerBytes = 64

// SideLayout describes the storage of keys or values.
type SideLayout struct {
	// Format is the element format and D the head dimension.
	Format Format
	D      int
	// Centred tells that a binary16 vector per tile was subtracted before quantization.
	Centred bool
	// Rotated tells that rows went through the Hadamard transform before mean and centre were subtracted.
	Rotated bool
	// Mean, [KVHeads][D] or empty, was subtracted from every row that is not a sink token, rotated as the row was. It is not stored.
	Mean []float64
	// Static is the scale of a static format.
	Static float64
}

// Layout describes the pages of one cache: one tile of all kv heads per page, after pages of unquantized sink tokens.
//
//	page   = header | head 0 | head 1 | ...
//	head   = key block | value block
//	block  = tile header | centre (binary16, if Centred) | format storage
//
// If Certified every page has records in memory of their own:
//
//	records = head 0 | head 1 | ...
//	head    = token 0 | token 1 | ... | token 63
//	token   = record of keys | record of values
//
// Where token 63 is stored, tile headers have a [Whole] at byte 16, those of values for weights that are not rounded to bfloat16, those of keys for
// weights that are.
type Layout struct {
	KVHeads int
	K, V    SideLayout
	// Sinks is the number of first tokens kept in binary16 on pages of their own, at most Tokens.
	Sinks int
	// Certified tells that every head has a [Record] per token and side.
	Certified bool
}

// Record is what a certified block says of its tokens up to one of them that are finite: maxima, never too small, and means. For keys Err and Size
// are the norms of k − k̂ and of k̂; for values MaxErr is max|v − v̂|, MaxSize the largest |v| with mean and centre, and the means are those of
// (v − v̂)² and v̂² over tokens and channels. A hat marks the stored row, without mean and centre. MeanScale2 is the mean square of the scales of
// values in integers, MaxStored is max|v̂| of values; both are 0 elsewhere.
type Record struct{ MaxErr, MaxSize, MeanErr2, MeanSize2, MeanScale2, MaxStored float64 }

// recordBytes is the size of a record: six bfloat16 numbers in the order of its fields.
const recordBytes = 12

// Whole is what a tile header says of all tokens of a tile: eight float32 numbers.
type Whole [8]float64

// WholeOf is the whole of n tokens with records k and v:
//
//	k.MaxErr, k.MaxSize, v.MaxSize, v.MaxErr, k.MeanErr2·v.MeanSize2, k.MeanSize2·v.MeanSize2, v.MeanErr2, n/12·v.MeanSize2/v.MeanScale2
//
// A product with 0 is 0, the last number 0 where values have no scale and at most n/12·127², the square of the largest code. Weights in bfloat16 add 2⁻⁸·v.MaxStored to the fourth and
// 2⁻¹⁴/24·v.MeanSize2 to the seventh number, and the last is 0.
func WholeOf(k, v Record, n int, bf16 bool) Whole {
	times := func(x, y float64) float64 {
		if x == 0 || y == 0 {
			return 0
		}
		return x * y
	}
	w := Whole{k.MaxErr, k.MaxSize, v.MaxSize, v.MaxErr, times(k.MeanErr2, v.MeanSize2), times(k.MeanSize2, v.MeanSize2), v.MeanErr2}
	switch {
	case bf16:
		w[3] += v.MaxStored / 256
		w[6] += v.MeanSize2 / (24 << 14)
	case v.MeanScale2 > 0:
		if w[7] = v.MeanSize2 / v.MeanScale2; !(w[7] < 127*127) {
			w[7] = 127 * 127
		}
		w[7] *= float64(n) / 12
	}
	return w
}

func (l Layout) side(s Side) SideLayout {
	if s == Keys {
		return l.K
	}
	return l.V
}

// centreBytes is the size of the centre.
func (s SideLayout) centreBytes() int {
	if !s.Centred {
		return 0
	}
	return up64(2 * s.D)
}

// blockBytes is the size of a block of one side.
func (l Layout) blockBytes(s Side) int {
	x := l.side(s)
	return l.storageAt(s) + x.Format.Bytes(s, x.D)
}

// RecordBytes is the size of the records of a page.
func (l Layout) RecordBytes() int {
	if !l.Certified {
		return 0
	}
	return l.KVHeads * Tokens * 2 * recordBytes
}

// headBytes is the size of a head: block of keys, block of values.
func (l Layout) headBytes() int { return l.blockBytes(Keys) + l.blockBytes(Values) }

// head returns the bytes of a head.
func (l Layout) head(page []byte, head int) []byte {
	return page[headerBytes+head*l.headBytes():][:l.headBytes()]
}

// storageAt is the offset of the format storage in a block.
func (l Layout) storageAt(s Side) int { return headerBytes + l.side(s).centreBytes() }

// PageBytes is the size of a page.
func (l Layout) PageBytes() int {
	return headerBytes + l.KVHeads*l.headBytes()
}

// Block returns the bytes of one side of one head: tile header, centre, storage.
func (l Layout) Block(page []byte, head int, s Side) []byte {
	k, v := l.blockBytes(Keys), l.blockBytes(Values)
	if s == Keys {
		return l.head(page, head)[:k]
	}
	return l.head(page, head)[k:][:v]
}

// NonFinite reports whether the bitmap marks token t of the tile as holding a NaN or an infinity on this side.
func (l Layout) NonFinite(page []byte, head int, s Side, t int) bool {
	return binary.LittleEndian.Uint64(l.Block(page, head, s))>>t&1 == 1
}

// Centre returns the vector that was subtracted from the rows of the tile; zeros when the side is not centred.
func (l Layout) Centre(page []byte, head int, s Side) []float64 {
	x, b := l.side(s), l.Block(page, head, s)[headerBytes:]
	mu := make([]float64, x.D)
	if x.Centred {
		for c := range mu {
			mu[c] = F16(binary.LittleEndian.Uint16(b[2*c:]))
		}
	}
	return mu
}

// Mean returns the mean of a head, rotated if the side is rotated; zeros when there is none.
func (l Layout) Mean(head int, s Side) []float64 {
	x := l.side(s)
	if len(x.Mean) == 0 {
		return make([]float64, x.D)
	}
	return l.unrotate(s, append([]float64(nil), x.Mean[head*x.D:][:x.D]...)) // the rotation is its own inverse
}

// Storage returns the bytes of the format: scales, then codes.
func (l Layout) Storage(page []byte, head int, s Side) []byte {
	x := l.side(s)
	return l.Block(page, head, s)[l.storageAt(s):][:x.Format.Bytes(s, x.D)]
}

// Record returns the record of token t from the records of a page, in a certified layout.
func (l Layout) Record(records []byte, head int, s Side, t int) Record {
	at := (head*Tokens + t) * 2 * recordBytes
	if s == Values {
		at += recordBytes
	}
	return record(records[at:])
}

// Whole returns what a tile header of a certified layout says of a whole tile, for weights in bfloat16 or others.
func (l Layout) Whole(page []byte, head int, bf16 bool) (w Whole) {
	s := Values
	if bf16 {
		s = Keys
	}
	b := l.Block(page, head, s)[16:]
	for i := range w {
		w[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return w
}

func record(b []byte) Record {
	part := func(i int) float64 { return BF16(binary.LittleEndian.Uint16(b[2*i:])) }
	return Record{part(0), part(1), part(2), part(3), part(4), part(5)}
}

// Residual returns row t as stored: rotated if the side is rotated, and without mean and centre.
func (l Layout) Residual(page []byte, head int, s Side, t int) []float64 {
	x := l.side(s)
	tile := l.Storage(page, head, s)
	row := make([]float64, x.D)
	for c := range row {
		row[c] = x.Format.Decode(tile, s, x.D, t, c, x.Static)
	}
	return row
}

// Integers returns row t as integer arithmetic reads it, without mean and centre: its residual, times the codes, one scale. The row is nil where
// it is not another than Residual.
func (l Layout) Integers(page []byte, head int, s Side, t int) (scale float64, row []float64) {
	x := l.side(s)
	if x.Format.Integers == nil {
		return 0, nil
	}
	scale, row = x.Format.Integers(l.Storage(page, head, s), s, x.D, t)
	for c := range row {
		row[c] *= scale
	}
	return scale, row
}

// StoredRow returns row t in the stored domain: residual plus centre plus mean, still rotated if the side is rotated.
func (l Layout) StoredRow(page []byte, head int, s Side, t int) []float64 {
	row, mean := l.Residual(page, head, s, t), l.Mean(head, s)
	for c, mu := range l.Centre(page, head, s) {
		row[c] += mu + mean[c]
	}
	return row
}

// Row returns row t as the caller appended it, up to quantization: the stored row rotated back.
func (l Layout) Row(page []byte, head int, s Side, t int) []float64 {
	return l.unrotate(s, l.StoredRow(page, head, s, t))
}

func (l Layout) unrotate(s Side, row []float64) []float64 {
	if l.side(s).Rotated {
		return Hadamard(row)
	}
	return row
}

// A sink page is
//
//	header | per head: bitmap | keys [S][DK] binary16 | bitmap | values [S][DV] binary16
//
// with as many heads as fit in a page of the cache, in order. Sink rows are rotated, but keep mean and centre.

// sinkPart is the size of one bitmap and its rows.
func (l Layout) sinkPart(s Side) int { return headerBytes + up64(2*l.Sinks*l.side(s).D) }

// sinkHeads is the number of heads on a sink page.
func (l Layout) sinkHeads() int {
	return (l.PageBytes() - headerBytes) / (l.sinkPart(Keys) + l.sinkPart(Values))
}

// SinkPages is the number of sink pages in front of the tile pages; it panics when not even one head fits.
func (l Layout) SinkPages() int {
	if l.Sinks == 0 {
		return 0
	}
	n := l.sinkHeads()
	if n == 0 {
		panic(fmt.Sprintf("reference: %d sink tokens of one head do not fit a page of %d bytes", l.Sinks, l.PageBytes()))
	}
	return ceil(l.KVHeads, n)
}

// sinkBlock returns bitmap and rows of one side of one head.
func (l Layout) sinkBlock(pages [][]byte, head int, s Side) []byte {
	k, v := l.sinkPart(Keys), l.sinkPart(Values)
	n := l.sinkHeads()
	at := headerBytes + head%n*(k+v)
	if s == Keys {
		return pages[head/n][at:][:k]
	}
	return pages[head/n][at+k:][:v]
}

// TokenNonFinite is [Layout.NonFinite] for token n of a sequence with the given page table (sink pages, then tile pages).
func (l Layout) TokenNonFinite(pages [][]byte, head int, s Side, n int) bool {
	if n < l.Sinks {
		return binary.LittleEndian.Uint64(l.sinkBlock(pages, head, s))>>n&1 == 1
	}
	return l.NonFinite(pages[l.SinkPages()+n/Tokens], head, s, n%Tokens)
}

// StoredToken returns token n of a sequence in the stored domain (rotated, mean and centre added), see [Layout.StoredRow].
func (l Layout) StoredToken(pages [][]byte, head int, s Side, n int) []float64 {
	if n >= l.Sinks {
		return l.StoredRow(pages[l.SinkPages()+n/Tokens], head, s, n%Tokens)
	}
	row := make([]float64, l.side(s).D)
	b := l.sinkBlock(pages, head, s)[headerBytes:]
	for c := range row {
		row[c] = F16(binary.LittleEndian.Uint16(b[2*(n*len(row)+c):]))
	}
	return row
}

// Token returns token n of a sequence as the caller appended it, up to quantization: the stored row rotated back.
func (l Layout) Token(pages [][]byte, head int, s Side, n int) []float64 {
	return l.unrotate(s, l.StoredToken(pages, head, s, n))
}

// Sequence returns tokens 0..n−1 of one side of all heads as [n][KVHeads][D], the layout of [Problem].
func (l Layout) Sequence(pages [][]byte, s Side, n int) []float64 {
	var x []float64
	for t := range n {
		for h := range l.KVHeads {
			x = append(x, l.Token(pages, h, s, t)...)
		}
	}
	return x
}

package reference

import (
	"encoding/binary"
	"fmt"
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
	// Rotated tells that rows went through the Hadamard transform before centring.
	Rotated bool
	// Static is the scale of a static format.
	Static float64
}

// Layout describes the pages of one cache: one tile of all kv heads per page, after pages of unquantized sink tokens.
//
//	page   = header | head 0 | head 1 | ...
//	head   = key block | value block
//	block  = tile header | centre (binary16, if Centred) | format storage
type Layout struct {
	KVHeads int
	K, V    SideLayout
	// Sinks is the number of first tokens kept in binary16 on pages of their own, at most Tokens.
	Sinks int
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
	return headerBytes + x.centreBytes() + x.Format.Bytes(s, x.D)
}

// PageBytes is the size of a page.
func (l Layout) PageBytes() int {
	return headerBytes + l.KVHeads*(l.blockBytes(Keys)+l.blockBytes(Values))
}

// Block returns the bytes of one side of one head: tile header, centre, storage.
func (l Layout) Block(page []byte, head int, s Side) []byte {
	k, v := l.blockBytes(Keys), l.blockBytes(Values)
	at := headerBytes + head*(k+v)
	if s == Keys {
		return page[at:][:k]
	}
	return page[at+k:][:v]
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

// Residual returns row t as stored: rotated if the side is rotated, and without the centre.
func (l Layout) Residual(page []byte, head int, s Side, t int) []float64 {
	x := l.side(s)
	tile := l.Block(page, head, s)[headerBytes+x.centreBytes():]
	row := make([]float64, x.D)
	for c := range row {
		row[c] = x.Format.Decode(tile, s, x.D, t, c, x.Static)
	}
	return row
}

// StoredRow returns row t in the stored domain: residual plus centre, still rotated if the side is rotated.
func (l Layout) StoredRow(page []byte, head int, s Side, t int) []float64 {
	row := l.Residual(page, head, s, t)
	for c, mu := range l.Centre(page, head, s) {
		row[c] += mu
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
// with as many heads as fit in a page of the cache, in order. Sink rows are rotated but not centred.

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

// StoredToken returns token n of a sequence in the stored domain (rotated, centre added), see [Layout.StoredRow].
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

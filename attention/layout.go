package attention

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/qattn/qattn/quant"
)

// Layout is what an allocator needs to know: the library never owns pages. A page
// holds one tile of Tile tokens of all KV heads; ARCHITECTURE.md, section 2, draws it.
type Layout struct {
	PageBytes int // bytes of a page, a multiple of 64
	// RecordBytes is the size of the records that a certified plan keeps besides every page, in
	// Pages.Records: 24 bytes per token and KV head, 0 unless Config.Certify is set. PageBytes
	// does not contain them.
	RecordBytes int
	Tile        int // tokens per page
	SinkPages   int // pages at the front of every sequence's table that hold its SinkTokens
	// ID identifies the meaning of the bytes: version, shapes, formats, rotation,
	// centring, means, certificates, sink tokens. Pages of equal ID are interchangeable.
	ID [16]byte
}

// TablePages returns the number of table entries a sequence of n tokens needs: none
// when n is 0.
func (l Layout) TablePages(n int) int {
	if n <= 0 {
		return 0
	}
	return l.SinkPages + (n+l.Tile-1)/l.Tile
}

// Bytes returns the memory of the pages of n tokens, which is what Pages.Arena holds. Records
// of a certified plan come on top: TablePages(n)·RecordBytes.
func (l Layout) Bytes(n int) int { return l.TablePages(n) * l.PageBytes }

const (
	layoutVersion = 1
	headerBytes   = 64 // of a page and of a block
)

// side is the geometry of one side's block within a page.
type side struct {
	quant.Side
	codec  Codec
	d      int
	centre int // offset of the centre in the block
	tile   int // offset of the format storage in the block
	size   int // of the block
	sink   int // bytes of one head's rows on a sink page, bitmap included
}

func newSide(s quant.Side, c Codec, d, sinkTokens int) side {
	g := side{Side: s, codec: c, d: d, centre: headerBytes, tile: headerBytes}
	if c.Center {
		g.tile += quant.CenterBytes(d)
	}
	g.size = g.tile + c.Format.TileBytes(s, d)
	g.sink = headerBytes + (2*d*sinkTokens+63)&^63
	return g
}

// geometry locates everything on a page and in its records.
type geometry struct {
	k, v         side
	headBytes    int // both blocks
	pageBytes    int
	recordBytes  int // of a page, 0 without certificates
	kvHeads      int
	sinkTokens   int
	headsPerSink int // heads on one sink page
	sinkPages    int
}

func newGeometry(c *Config) (geometry, error) {
	g := geometry{
		k:       newSide(quant.Keys, c.K, c.DK, c.SinkTokens),
		v:       newSide(quant.Values, c.V, c.DV, c.SinkTokens),
		kvHeads: c.KVHeads, sinkTokens: c.SinkTokens,
	}
	for _, s := range []*side{&g.k, &g.v} {
		field := "Config." + s.Side.String() + ".Format"
		if f, ok := s.codec.Format.(quant.CheckedFormat); ok {
			if err := f.Check(); err != nil {
				return g, fieldErr(ErrConfig, field, "%v", err)
			}
		}
		if n := s.size - s.tile; n < 1 || n > 1<<31-1 || n%64 != 0 {
			return g, fieldErr(ErrConfig, field, "%s has tiles of %d bytes, want a positive multiple of 64 below 2 GiB", s.codec.Format, n)
		}
	}
	g.headBytes = g.k.size + g.v.size
	page := int64(headerBytes) + int64(c.KVHeads)*int64(g.headBytes)
	records := int64(0)
	if c.Certify {
		records = 2 * certificateBytes * int64(c.KVHeads)
	}
	if page+records > 1<<31-1 {
		return g, fieldErr(ErrConfig, "Config.KVHeads", "a page and its records would take %d bytes, more than 2 GiB", page+records)
	}
	g.pageBytes, g.recordBytes = int(page), int(records)
	if c.SinkTokens > 0 {
		g.headsPerSink = min((g.pageBytes-headerBytes)/(g.k.sink+g.v.sink), c.KVHeads)
		if g.headsPerSink == 0 {
			return g, fieldErr(ErrUnsupported, "Config.SinkTokens", "%d binary16 tokens of one head do not fit a page of %d bytes",
				c.SinkTokens, g.pageBytes)
		}
		g.sinkPages = (c.KVHeads + g.headsPerSink - 1) / g.headsPerSink
	}
	return g, nil
}

// block returns one side's block of head h on a page.
func (g *geometry) block(page []byte, s *side, h int) []byte {
	off := headerBytes + h*g.headBytes
	if s.Side == quant.Values {
		off += g.k.size
	}
	return page[off : off+s.size : off+s.size]
}

// blocks returns both blocks of head h on a page.
func (g *geometry) blocks(page []byte, h int) (keys, values []byte) {
	at := headerBytes + h*g.headBytes
	mid, end := at+g.k.size, at+g.k.size+g.v.size
	return page[at:mid:mid], page[mid:end:end]
}

// record returns where the records of a page have what one side of head h knows after token t.
// They are apart from pages, which decoding reads as one stream: the prefetchers of the CPU
// start anew behind every gap.
func (g *geometry) record(records []byte, s *side, h, t int) []byte {
	at := 2 * recordBytes * (h*Tile + t)
	if s.Side == quant.Values {
		at += recordBytes
	}
	return records[at:][:recordBytes]
}

// sinkBlock returns the number of the sink page of head h and the offset of one
// side's rows on it.
func (g *geometry) sinkBlock(s *side, h int) (page, off int) {
	page = h / g.headsPerSink
	off = headerBytes + h%g.headsPerSink*(g.k.sink+g.v.sink)
	if s.Side == quant.Values {
		off += g.k.sink
	}
	return page, off
}

// id hashes every field that changes the meaning of the bytes.
func (g *geometry) id() (id [16]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "qattn %d tile=%d heads=%d sinks=%d", layoutVersion, Tile, g.kvHeads, g.sinkTokens)
	if g.recordBytes != 0 {
		fmt.Fprint(h, " records apart") // from the page
	}
	for _, s := range []*side{&g.k, &g.v} {
		fmt.Fprintf(h, " %s d=%d format=%s rotate=%t center=%t", s.Side, s.d, s.codec.Format, s.codec.Rotate, s.codec.Center)
		if s.codec.Mean != nil {
			fmt.Fprintf(h, " mean=%x", s.codec.Mean)
		}
	}
	copy(id[:], h.Sum(nil))
	return id
}

// bitmap reads and setBit changes a block's map of non-finite tokens.
func bitmap(block []byte) uint64 { return binary.LittleEndian.Uint64(block) }

func setBit(block []byte, t int, on bool) {
	b := bitmap(block) &^ (1 << t)
	if on {
		b |= 1 << t
	}
	binary.LittleEndian.PutUint64(block, b)
}

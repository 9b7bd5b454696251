package reference

import (
	"encoding/binary"
	"math"
	"testing"
)

// A page whose blocks are told apart by their contents: scales 2^head for keys, 2^(head+4) for values.
func TestPage(t *testing.T) {
	const dk, dv, heads = 5, 3, 2
	int8f, _ := FormatByName("int8")
	f16f, _ := FormatByName("f16")
	l := Layout{
		KVHeads: heads,
		K:       SideLayout{Format: int8f, D: dk, Centred: true, Rotated: true},
		V:       SideLayout{Format: f16f, D: dv},
	}
	// header | per head: tile header, centre ⌈10⌉64, scales 128, codes [4][2][16][4] | tile header, [64][3] binary16
	const kBlock, vBlock = 64 + 64 + 128 + 512, 64 + 384
	if got := l.PageBytes(); got != 64+heads*(kBlock+vBlock) {
		t.Fatalf("page of %d bytes, want %d", got, 64+heads*(kBlock+vBlock))
	}
	page := make([]byte, l.PageBytes())
	const token = 21
	for h := range heads {
		k := page[64+h*(kBlock+vBlock):]
		v := k[kBlock:]
		binary.LittleEndian.PutUint64(k, 1<<(h+3))
		binary.LittleEndian.PutUint64(v, 1<<(h+40))
		for c := range dk {
			binary.LittleEndian.PutUint16(k[64+2*c:], exactF16(float64(h*8+c+1)))
			k[64+64+128+((1*2+c/4)*16+5)*4+c%4] = byte(128 + 10*h - c) // token 21 = 16·1 + 5
		}
		binary.LittleEndian.PutUint16(k[64+64+2*token:], exactF16(math.Ldexp(1, h-3)))
		for c := range dv {
			binary.LittleEndian.PutUint16(v[64+2*(token*dv+c):], exactF16(float64(100*h+c+1)))
		}
	}
	for h := range heads {
		residual, stored, row := l.Residual(page, h, Keys, token), l.StoredRow(page, h, Keys, token), l.Row(page, h, Keys, token)
		for c := range dk {
			r := math.Ldexp(float64(10*h-c), h-3)
			if residual[c] != r || stored[c] != r+float64(h*8+c+1) {
				t.Errorf("head %d key channel %d: residual %v stored %v, want %v and %v", h, c, residual[c], stored[c], r, r+float64(h*8+c+1))
			}
		}
		if e := distance(row, Hadamard(stored)); e != 0 {
			t.Errorf("head %d: row is not the stored row rotated back", h)
		}
		for c, got := range l.Row(page, h, Values, token) {
			if want := float64(100*h + c + 1); got != want {
				t.Errorf("head %d value channel %d = %v, want %v", h, c, got, want)
			}
		}
		for tok := range Tokens {
			if l.NonFinite(page, h, Keys, tok) != (tok == h+3) || l.NonFinite(page, h, Values, tok) != (tok == h+40) {
				t.Errorf("head %d token %d: wrong bitmap", h, tok)
			}
		}
	}
}

// Records are apart from the page, what they say of whole tiles is in tile headers; the mean is added back, rotated, to all but sink tokens.
func TestPageMeanAndRecords(t *testing.T) {
	const d, heads = 4, 2
	f16f, _ := FormatByName("f16")
	mean := []float64{1, 2, 3, 4, 5, 6, 7, 9}
	l := Layout{KVHeads: heads, Sinks: 1, Certified: true,
		K: SideLayout{Format: f16f, D: d, Centred: true, Rotated: true, Mean: mean}, V: SideLayout{Format: f16f, D: d, Mean: mean}}
	// header | per head: header, centre 64, [64][4] binary16 | header, [64][4] binary16; records: per head [64] of keys, values
	const kBlock, vBlock = 64 + 64 + 512, 64 + 512
	const head = kBlock + vBlock
	if got, records := l.PageBytes(), l.RecordBytes(); got != 64+heads*head || records != heads*64*24 {
		t.Fatalf("page of %d bytes, records of %d", got, records)
	}
	records := make([]byte, l.RecordBytes())
	pages := [][]byte{make([]byte, l.PageBytes()), make([]byte, l.PageBytes())}
	const token = 9
	for h := range heads {
		k := pages[1][64+h*head:]
		v := k[kBlock:]
		own := records[h*64*24:]
		for c := range d {
			binary.LittleEndian.PutUint16(k[64+2*c:], exactF16(float64(8*h+c+1)))
			binary.LittleEndian.PutUint16(own[24*63+2*c:], uint16(0x4100+h+c)) // bfloat16: 8 + (h+c)/16
			binary.LittleEndian.PutUint16(own[24*token+12+2*c:], uint16(0x4000+h+c))
			binary.LittleEndian.PutUint16(v[64+2*(token*d+c):], exactF16(float64(100+c)))
		}
		var want [6]float64
		for i := range want {
			binary.LittleEndian.PutUint16(own[24*token+2*i:], uint16(0x3f80+h+i)) // 1 + (h+i)/128
			want[i] = 1 + float64(h+i)/128
		}
		if got, want := l.Record(records, h, Keys, token), (Record{want[0], want[1], want[2], want[3], want[4], want[5]}); got != want {
			t.Errorf("head %d: record %v, want %v", h, got, want)
		}
		var whole, rounded Whole
		for i := range whole {
			whole[i], rounded[i] = float64(h+i)/8, float64(h-i)/8
			binary.LittleEndian.PutUint32(v[16+4*i:], math.Float32bits(float32(whole[i])))
			binary.LittleEndian.PutUint32(k[16+4*i:], math.Float32bits(float32(rounded[i])))
		}
		if got := l.Whole(pages[1], h, false); got != whole {
			t.Errorf("head %d: whole %v, want %v", h, got, whole)
		}
		if got := l.Whole(pages[1], h, true); got != rounded {
			t.Errorf("head %d: whole of bfloat16 weights %v, want %v", h, got, rounded)
		}
		if got := l.Record(records, h, Keys, Tokens-1); got.MaxErr != 8+float64(h)/16 {
			t.Errorf("head %d: record of the last token %v", h, got)
		}
		if got := l.Record(records, h, Values, token); got.MaxErr != 2+float64(h)/64 {
			t.Errorf("head %d: record of values %v", h, got)
		}
		rotated := Hadamard(mean[h*d : (h+1)*d])
		for c, got := range l.StoredRow(pages[1], h, Keys, token) {
			if want := float64(8*h+c+1) + rotated[c]; got != want {
				t.Errorf("head %d: stored key channel %d = %v, want %v", h, c, got, want)
			}
		}
		for c, got := range l.Row(pages[1], h, Values, token) {
			if want := float64(100+c) + mean[h*d+c]; got != want {
				t.Errorf("head %d: value channel %d = %v, want %v", h, c, got, want)
			}
		}
		for _, got := range l.StoredToken(pages, h, Values, 0) {
			if got != 0 {
				t.Errorf("head %d: a sink token has the mean", h)
			}
		}
	}
}

func TestSinkPages(t *testing.T) {
	const d, heads, sinks = 4, 5, 64
	e4m3, _ := FormatByName("e4m3-static")
	l := Layout{KVHeads: heads, Sinks: sinks, K: SideLayout{Format: e4m3, D: d, Static: 1}, V: SideLayout{Format: e4m3, D: d, Static: 2}}
	// page 64 + 5·2·(64 + 256) = 3264; a head of sinks takes 2·(64 + 512) = 1152, so two fit: three sink pages.
	if l.PageBytes() != 3264 || l.SinkPages() != 3 {
		t.Fatalf("page of %d bytes, %d sink pages", l.PageBytes(), l.SinkPages())
	}
	pages := make([][]byte, 5)
	for i := range pages {
		pages[i] = make([]byte, l.PageBytes())
	}
	for h := range heads {
		for n := range sinks {
			for c := range d {
				at := 64 + h%2*1152 + 64 + 2*(n*d+c)
				binary.LittleEndian.PutUint16(pages[h/2][at:], exactF16(float64(1+h+8*n+c)))
				binary.LittleEndian.PutUint16(pages[h/2][at+576:], exactF16(float64(2+h+8*n+c)))
			}
		}
		binary.LittleEndian.PutUint64(pages[h/2][64+h%2*1152+576:], 1<<63)
	}
	pages[4][64+64+0] = 0x38 // token 64 is token 0 of tile 1, page 3 + 1: head 0, key, channel 0 = 1
	for h := range heads {
		for n := range sinks {
			k, v := l.Token(pages, h, Keys, n), l.Token(pages, h, Values, n)
			for c := range d {
				if k[c] != float64(1+h+8*n+c) || v[c] != float64(2+h+8*n+c) {
					t.Fatalf("head %d sink %d: %v %v", h, n, k, v)
				}
			}
			if l.TokenNonFinite(pages, h, Values, n) != (n == 63) || l.TokenNonFinite(pages, h, Keys, n) {
				t.Fatalf("head %d sink %d: wrong bitmap", h, n)
			}
		}
	}
	if k := l.Token(pages, 0, Keys, 64); k[0] != 1 || l.TokenNonFinite(pages, 0, Keys, 64) {
		t.Errorf("token 64 = %v", k)
	}
	if x := l.Sequence(pages, Keys, 65); len(x) != 65*heads*d || x[64*heads*d] != 1 || x[63*heads*d] != 1+8*63 {
		t.Errorf("sequence of %d elements", len(x))
	}
}

package attention

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// TestPagesAgainstReference decodes the bytes of pages with the reference's own code,
// written from the layout drawing, and compares with ReadKV.
func TestPagesAgainstReference(t *testing.T) {
	const n, kvHeads = 133, 3
	for _, f := range quant.Formats() {
		for _, opt := range []struct {
			rotate, center bool
			sinks          int
		}{{false, false, 0}, {false, true, 3}, {true, true, 64}, {true, false, 1}} {
			for _, d := range [][2]int{{40, 33}, {64, 64}, {7, 96}} {
				t.Run(fmt.Sprintf("%s/rotate=%t/center=%t/sinks=%d/d=%v", f, opt.rotate, opt.center, opt.sinks, d), func(t *testing.T) {
					codec := Codec{Format: f, Rotate: opt.rotate, Center: opt.center}
					p, err := NewPlan(Config{QHeads: kvHeads, KVHeads: kvHeads, DK: d[0], DV: d[1], K: codec, V: codec, SinkTokens: opt.sinks})
					if err != nil {
						require.ErrorIs(t, err, ErrUnsupported) // the sinks do not fit a page
						require.Equal(t, 64, opt.sinks)
						return
					}
					k, v := gauss(1, n*kvHeads*d[0]), gauss(2, n*kvHeads*d[1])
					c := fill(t, p, k, v, n, 50)
					side := func(d int) reference.SideLayout {
						name, static := f.String(), 0.0
						if i := len(name) - len("-static(1)"); i > 0 && name[i:] == "-static(1)" {
							name, static = name[:i]+"-static", 1
						}
						rf, ok := reference.FormatByName(name)
						require.True(t, ok, name)
						return reference.SideLayout{Format: rf, D: d, Centred: opt.center, Rotated: opt.rotate, Static: static}
					}
					l := reference.Layout{KVHeads: kvHeads, K: side(d[0]), V: side(d[1]), Sinks: opt.sinks}
					require.Equal(t, l.PageBytes(), p.Layout().PageBytes)
					require.Equal(t, l.SinkPages(), p.Layout().SinkPages)
					var pages [][]byte
					for _, b := range c.Table() {
						pg := c.Pages()
						pages = append(pages, pg.page(b, p.geo.pageBytes))
					}
					gotK, gotV := make([]float32, len(k)), make([]float32, len(v))
					require.NoError(t, p.ReadKV(c.Pages(), c.Table(), 0, n, Rows{F32: gotK}, Rows{F32: gotV}))
					compare := func(name string, got []float32, want []float64) {
						for i, w := range want {
							tol := 0.0 // without rotation: the stored value, rounded once or twice
							if opt.rotate {
								tol = 0x1p-20
							} else if opt.center {
								tol = 0x1p-22
							}
							if d := math.Abs(float64(got[i]) - w); d > tol+0x1p-24*math.Abs(w) {
								t.Fatalf("%s element %d is %v, the bytes say %v", name, i, got[i], w)
							}
						}
					}
					compare("k", gotK, l.Sequence(pages, reference.Keys, n))
					compare("v", gotV, l.Sequence(pages, reference.Values, n))
				})
			}
		}
	}
}

// TestOwnCenter stores rows with a large mean: whole tiles are centred on their own, others
// as without OwnCenter.
func TestOwnCenter(t *testing.T) {
	const n, d = 2*Tile + 9, 32
	k := gauss(3, n*d)
	for i := range k {
		k[i] = k[i]/8 + 5
	}
	store := func(own bool, chunk int) ([]float32, []byte) {
		codec := Codec{Format: quant.Int8, Center: true, OwnCenter: own}
		p, err := NewPlan(Config{QHeads: 1, KVHeads: 1, DK: d, DV: d, K: codec, V: codec, SinkTokens: 3})
		require.NoError(t, err)
		c := fill(t, p, k, k, n, chunk)
		got := make([]float32, n*d)
		require.NoError(t, p.ReadKV(c.Pages(), c.Table(), 0, n, Rows{F32: got}, Rows{}))
		return got, c.Pages().Arena[:len(c.Table())*p.Layout().PageBytes]
	}
	worst := func(got []float32, from, to int) (e float64) {
		for i := from * d; i < to*d; i++ {
			e = max(e, math.Abs(float64(got[i])-float64(k[i])))
		}
		return e
	}
	previous, bytesPrevious := store(false, n)
	own, _ := store(true, n)
	require.Less(t, worst(own, 3, Tile), worst(previous, 3, Tile)/5)
	require.Less(t, worst(own, 0, n), 0.01)
	_, single := store(true, 1)
	require.Equal(t, bytesPrevious, single)
}

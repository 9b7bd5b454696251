package fuzz

import (
	"errors"
	"math"
	"testing"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// FuzzMerge compares Merge with float64, in both orders, for any bit patterns of LSE
// and outputs, and hands it slices of wrong lengths.
func FuzzMerge(f *testing.F) {
	nan, inf := math.Float32bits(float32(math.NaN())), math.Float32bits(-negInf)
	for _, a := range []uint32{0, 0x3f800000, 0xff800000, nan, inf, 0x7f7fffff, 1, 0x42c80000} {
		for _, b := range []uint32{0, 0xff800000, nan, inf, 0xff7fffff, 0x42c80001} {
			f.Add(uint8(1), uint8(3), a, b, a*3, b*5, uint8(0))
		}
	}
	f.Add(uint8(2), uint8(4), uint32(0), uint32(0), uint32(0), uint32(0), uint8(0b1001))
	var mem [4][64]float32
	f.Fuzz(func(t *testing.T, rows, dv uint8, la, lb, xa, xb uint32, cut uint8) {
		n, d := int(rows%4), 1+int(dv%8)
		fill := func(oa, sa, ob, sb []float32) {
			for r := range n {
				sa[r], sb[r] = vary(la, r), vary(lb, r)
				for c := range d {
					oa[r*d+c], ob[r*d+c] = vary(xa, r*d+c), vary(xb, r*d+c+9)
				}
			}
		}
		oa, sa, ob, sb := mem[0][:n*d], mem[1][:n], mem[2][:n*d], mem[3][:n]
		fill(oa, sa, ob, sb)
		if cut != 0 {
			before := mem
			short := func(x []float32, bits uint8) []float32 { return x[:max(0, len(x)-int(bits&3))] }
			err := attention.Merge(short(oa, cut), short(sa, cut>>2), short(ob, cut>>4), short(sb, cut>>6), d)
			var field *attention.FieldError
			if err != nil && (!errors.As(err, &field) || !errors.Is(err, attention.ErrShape)) {
				t.Fatalf("error %v", err)
			}
			if err != nil && !sameBits(before[0][:], mem[0][:]) || !sameBits(before[2][:], mem[2][:]) || !sameBits(before[3][:], mem[3][:]) {
				t.Fatal("a failed merge wrote")
			}
			return
		}
		if err := attention.Merge(oa, sa, ob, sb, d); err != nil {
			t.Fatal(err)
		}
		var twin [4][64]float32
		pa, ta, pb, tb := twin[0][:n*d], twin[1][:n], twin[2][:n*d], twin[3][:n]
		fill(pa, ta, pb, tb)
		if err := attention.Merge(pb, tb, pa, ta, d); err != nil {
			t.Fatal(err)
		}
		fill(pa, ta, twin[2][:n*d], twin[0][32:32+n])
		for r := range n {
			a, b := vary(la, r), vary(lb, r)
			if !sameBits(sa[r:r+1], tb[r:r+1]) {
				t.Fatalf("lse of (%v, %v) is %v, the other way round %v", a, b, sa[r], tb[r])
			}
			for c := range d {
				xa, xb := vary(xa, r*d+c), vary(xb, r*d+c+9)
				checkMerge(t, a, b, xa, xb, oa[r*d+c], sa[r])
			}
		}
	})
}

// vary makes bit patterns near x that differ between indices.
func vary(x uint32, i int) float32 { return math.Float32frombits(x ^ uint32(i)*0x10204081&0x807f0fff) }

// sameBits compares bits, any NaN being equal to any other.
func sameBits(a, b []float32) bool {
	for i, x := range a {
		if y := b[i]; math.Float32bits(x) != math.Float32bits(y) && (x == x || y == y) {
			return false
		}
	}
	return true
}

// checkMerge checks one element. Sums and weights are float64, so the result is the
// exact one rounded once, to 3 units of float64.
func checkMerge(t *testing.T, la, lb, xa, xb, out, lse float32) {
	t.Helper()
	neg := float64(negInf)
	switch {
	case la != la || lb != lb || la == -negInf || lb == -negInf:
		if lse == lse || out == out {
			t.Fatalf("merge of lse %v and %v is %v with lse %v, want NaN", la, lb, out, lse)
		}
	case float64(la) == neg && float64(lb) == neg:
		if math.Float32bits(out) != 0 || float64(lse) != neg {
			t.Fatalf("merge of two empty states is %v with lse %v", out, lse)
		}
	case float64(la) == neg:
		if !sameBits([]float32{out, lse}, []float32{xb, lb}) {
			t.Fatalf("empty with (%v, %v) is (%v, %v)", xb, lb, out, lse)
		}
	case float64(lb) == neg:
		if !sameBits([]float32{out, lse}, []float32{xa, la}) {
			t.Fatalf("(%v, %v) with empty is (%v, %v)", xa, la, out, lse)
		}
	default:
		want, wantLSE := reference.Merge([]float64{float64(xa)}, float64(la), []float64{float64(xb)}, float64(lb))
		if d := math.Abs(float64(lse) - wantLSE); !(d <= u*math.Abs(wantLSE)+0x1p-50*(1+math.Abs(float64(la))+math.Abs(float64(lb)))+0x1p-149) && math.Abs(wantLSE) < math.MaxFloat32 {
			t.Fatalf("lse of %v and %v is %v, want %v", la, lb, lse, wantLSE)
		}
		w := want[0]
		if w-w != 0 {
			if !sameBits([]float32{out}, []float32{float32(w)}) {
				t.Fatalf("merge of %v and %v is %v, want %v", xa, xb, out, w)
			}
			return
		}
		// An error of one float64 unit in a huge lse moves the weights.
		slack := 0x1p-50 * (math.Abs(float64(xa)) + math.Abs(float64(xb)))
		if d := math.Abs(float64(out) - w); !(d <= u*math.Abs(w)+slack+0x1p-149) && math.Abs(w) < math.MaxFloat32 {
			t.Fatalf("merge of (%v, %v) and (%v, %v) is %v, want %v", xa, la, xb, lb, out, w)
		}
	}
}

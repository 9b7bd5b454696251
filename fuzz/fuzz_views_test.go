package fuzz

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"github.com/qattn/qattn/attention"
)

// FuzzViews stores and attends through strided and 16-bit views: the bytes and bits are
// those of contiguous float32 rows with the same values.
func FuzzViews(f *testing.F) {
	for i := range uint8(12) {
		f.Add(i, i*3, uint16(5+i), uint16(9*i), uint8(i), uint8(13-i), uint64(i)*0x31, i, i*2, uint64(i), []byte{1, 2, 3, 0x7f})
	}
	f.Fuzz(func(t *testing.T, kindK, kindV uint8, dk, kvLen uint16, formatK, formatV uint8, flags uint64, family, gap uint8, seed uint64, raw []byte) {
		c := FromArgs(gap>>4, gap>>2, dk%100, dk%70, 3, kvLen%150, formatK, formatV, flags, family, 0, seed, raw)
		q, k, v := c.Tensors()
		kq := kindK >> 4
		q, k, v = narrow(kq, q), narrow(kindK, k), narrow(kindV, v)
		in, err := c.Build(0xFF)
		if err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
		in.Q, in.K, in.V = q, k, v
		if err := in.Append(k, v); err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
		want, err := in.Run()
		if err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
		kept := copied(in.Pages)
		token, head := int(gap&3), int(gap>>2&3)
		if c.KVLen > 0 {
			fill(in.Arena, 0xFF)
			fill(in.Pages.Records, 0xFF)
			rk := view(kindK, k, c.KVLen, c.KVHeads, c.DK, token, head)
			rv := view(kindV, v, c.KVLen, c.KVHeads, c.DV, head, token)
			if err := in.Plan.Append(in.Pages, in.Table, 0, c.KVLen, rk, rv); err != nil {
				t.Fatalf("%v\n%v", err, c)
			}
			if !kept.in(in.Pages) {
				t.Fatalf("views of kinds %d and %d store other bytes\n%v", kindK%3, kindV%3, c)
			}
		}
		got, err := in.RunRows(view(kq, q, c.QLen, c.Heads, c.DK, token, head))
		if err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
		if err := want.Same(got); err != nil {
			t.Fatalf("a view of kind %d of the queries changes %v\n%v", kq%3, err, c)
		}
	})
}

// narrow rounds to what a view of the kind can hold: 0 float32, 1 binary16, 2 bfloat16.
func narrow(kind uint8, x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		switch kind % 3 {
		case 0:
			y[i] = v
		case 1:
			y[i] = float16.Fromfloat32(v).Float32()
		case 2:
			y[i] = math.Float32frombits(math.Float32bits(v) &^ 0xffff)
		}
	}
	return y
}

// view copies rows [n][heads][d] to a view with gaps after heads and tokens; the gaps
// hold NaN.
func view(kind uint8, x []float32, n, heads, d, tokenGap, headGap int) attention.Rows {
	var r attention.Rows
	head := d + headGap
	token := heads*head + tokenGap
	r.HeadStride, r.TokenStride = head, token
	if tokenGap == 0 {
		r.TokenStride = 0
		if headGap == 0 {
			r.HeadStride = 0
		}
	}
	size := 0
	if n > 0 {
		size = (n-1)*token + (heads-1)*head + d
	}
	put := func(i int, v float32) { r.F32[i] = v }
	switch kind % 3 {
	case 0:
		r.F32 = make([]float32, size)
	case 1:
		r.F16 = make([]uint16, size)
		put = func(i int, v float32) { r.F16[i] = float16.Fromfloat32(v).Bits() }
	case 2:
		r.BF16 = make([]uint16, size)
		put = func(i int, v float32) { r.BF16[i] = uint16(math.Float32bits(v) >> 16) }
	}
	for i := range size {
		put(i, float32(math.NaN()))
	}
	for t := range n {
		for h := range heads {
			for c := range d {
				put(t*token+h*head+c, x[(t*heads+h)*d+c])
			}
		}
	}
	return r
}

// TestViewStride: a view whose tokens overlap (a sliding window of samples) is legal.
func TestViewStride(t *testing.T) {
	in := target(t)
	r := rand.New(rand.NewPCG(1, 1))
	x := normal(r, 10+2*24)
	p := in.Plan
	if err := p.Append(in.Pages, in.Table, 0, 10, attention.Rows{F32: x, TokenStride: 1, HeadStride: 16}, attention.Rows{F32: x, TokenStride: 1, HeadStride: 24}); err != nil {
		t.Fatal(err)
	}
}

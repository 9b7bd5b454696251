package fuzz

import (
	"fmt"
	"math"
	"strings"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// halfStep is the largest error of element v of a row with the given maximum in the format
// of a name: half a step, and what is clipped where the scale cannot represent the row.
func halfStep(name string, v, amax float64) float64 {
	f16 := func(levels float64) float64 { // the largest scale a binary16 scale may take
		s := amax / levels
		return min(s*(1+0x1p-10)+0x1p-24, 65504)
	}
	f32 := func(levels float64) float64 { return amax/levels*(1+0x1p-23) + 0x1p-149 }
	clip := func(top float64) float64 { return max(0, math.Abs(v)-top) }
	var tol float64
	switch kind, _, _ := strings.Cut(name, "("); kind {
	case "f32":
		tol = 0
	case "f16":
		tol = reference.StepFloat(v, 1, 10, -14) + clip(65504)
	case "bf16":
		tol = reference.StepFloat(v, 1, 7, -126) + clip(0x1.fep127)
	case "int8":
		tol = f16(127)/2 + clip(127*65504)
	case "int8-s32":
		tol = f32(127) / 2
		if amax < 0x1p-120 {
			tol = amax/2 + 0x1p-149 // a scale of few bits may clip
		}
	case "e4m3":
		tol = reference.StepFloat(v, f32(448), 3, -6)
		if amax < 0x1p-120 {
			tol = amax/2 + 0x1p-149
		}
	case "e5m2":
		tol = reference.StepFloat(v, f32(57344), 2, -14)
		if amax < 0x1p-120 {
			tol = amax/2 + 0x1p-149
		}
	case "e4m3-static":
		tol = reference.StepFloat(v, 1, 3, -6) + clip(448)
	case "e5m2-static":
		tol = reference.StepFloat(v, 1, 2, -14) + clip(57344)
	case "nf4-dq":
		// as int4 for 16 channels: half of the widest gap, 39 scales, the rounding of a code
		// and that of the row to int8
		tol = f16(127)*((39.0/2+1)*math.Sqrt(16)+0.5) + clip(127*65504)
	case "int4":
		// half of the widest step, 15 scales, for each of 32 channels: the squared error of
		// a group is at most that, and may all be this one's
		tol = f16(120)*7.5*math.Sqrt(32) + clip(120*65504)
	case "nf4", "nf4-b32", "nf4-s32", "nf4-b32-s32": // half of the widest gap, 1 − 0.6961928
		tol = f16(1)*0.152 + clip(65504)
		if strings.HasSuffix(name, "s32") {
			tol = f32(1) * 0.152
		}
		if amax < 0x1p-10 {
			tol = amax/2 + 0x1p-25
		}
	default:
		panic("fuzz: no bound for elements stored in " + name)
	}
	return tol*(1+0x1p-20) + math.Abs(v)*0x1p-22
}

// checkStored compares every stored row with what was appended: rotated, without mean and
// centre, within half a step of its format. Records of certified tokens must say so.
func (x *exact) checkStored() error {
	for _, s := range []struct {
		side   reference.Side
		name   string
		raw    []float32
		tokens []token
	}{{reference.Keys, "key", x.in.K, x.k}, {reference.Values, "value", x.in.V, x.v}} {
		d, st := x.side(s.side)
		for h := range x.in.KVHeads {
			means := x.lay.Mean(h, s.side)
			var rec recorded
			for t := range x.in.KVLen {
				i := t*x.in.KVHeads + h
				row := widen(s.raw[i*d:][:d])
				rotated := row
				if st.Rotate {
					rotated = reference.Hadamard(row)
				}
				sink := t < x.in.SinkTokens
				if t%reference.Tokens == 0 || t == x.in.SinkTokens {
					rec = recorded{}
					if err := x.checkCentre(s.side, s.raw, t, h); !sink && err != nil {
						return fmt.Errorf("%s %d of head %d: %w", s.name, t, h, err)
					}
				}
				if big := reference.AbsMax(rotated); big-big != 0 || big > outOfRange || math.IsNaN(norm(row)) {
					if big-big != 0 && !x.lay.TokenNonFinite(x.pages, h, s.side, t) {
						return fmt.Errorf("%s %d of head %d is not finite, and its bit is not set", s.name, t, h)
					}
					if x.in.Certify && !sink {
						rec.unknown = rec.unknown || big-big == 0
						if err := x.checkRecord(&rec, h, s.side, t); err != nil {
							return fmt.Errorf("%s %d of head %d: %w", s.name, t, h, err)
						}
					}
					continue
				}
				if x.lay.TokenNonFinite(x.pages, h, s.side, t) {
					return fmt.Errorf("%s %d of head %d is finite, and its bit is set", s.name, t, h)
				}
				format := st.Format
				if sink {
					format = "f16"
				}
				err := appendError(norm(rotated), s.tokens[i].muNorm, norm(means), d, sink, st.Rotate)
				want := rotated
				if !sink {
					want = make([]float64, d)
					for c, v := range rotated {
						want[c] = v - s.tokens[i].mu[c]
					}
				}
				amax := reference.AbsMax(want)
				for c, v := range want {
					tol := max(halfStep(format, math.Abs(v)+err, amax+err), halfStep(format, math.Abs(v)+err, amax)) + err
					if e := math.Abs(v - s.tokens[i].stored[c]); !(e <= tol) {
						return fmt.Errorf("%s %d of head %d: %v is stored in channel %d as %v, error %.3g, want at most %.3g", s.name, t, h, v, c, s.tokens[i].stored[c], e, tol)
					}
				}
				if x.in.Certify && !sink {
					rec.add(s.side, want, &s.tokens[i], x.in.Case.V.integer(), reference.AbsMax(rotated), err)
					if err := x.checkRecord(&rec, h, s.side, t); err != nil {
						return fmt.Errorf("%s %d of head %d: %w", s.name, t, h, err)
					}
				}
			}
		}
	}
	return nil
}

// checkRecord compares the record of a token, and tile headers where the tile is full, with what
// they must say.
func (x *exact) checkRecord(want *recorded, head int, s reference.Side, t int) error {
	got := x.record(head, s, t)
	if t%reference.Tokens == reference.Tokens-1 && s == reference.Values {
		n := min(reference.Tokens, t+1-x.in.SinkTokens)
		for _, bf16 := range []bool{false, true} {
			header, want := x.lay.Whole(x.page(t), head, bf16), reference.WholeOf(x.record(head, reference.Keys, t), got, n, bf16)
			for i, v := range header {
				if d := math.Abs(v - want[i]); !(d <= want[i]*0x1p-20+0x1p-140) && want[i] < math.MaxFloat32/2 {
					return fmt.Errorf("the tile header says %v, want %v", header, want)
				}
			}
		}
	}
	return want.check(got)
}

// checkCentre compares the centre of the tile of token t with the mean of the rows stored
// in the tile before, or of the tile's own rows where the codec allows it. Rows that are not
// finite are left out.
func (x *exact) checkCentre(side reference.Side, raw []float32, t, h int) error {
	d, st := x.side(side)
	if !st.Center {
		return nil
	}
	first := t / reference.Tokens * reference.Tokens
	mean := func(from, to int, row func(t int) []float64) []float64 {
		sum, n := make([]float64, d), 0.0
		for t := max(from, x.in.SinkTokens); t < min(to, x.in.KVLen); t++ {
			if x.lay.TokenNonFinite(x.pages, h, side, t) {
				continue
			}
			for c, v := range row(t) {
				sum[c] += v
			}
			n++
		}
		for c := range sum {
			sum[c] /= max(n, 1)
		}
		return sum
	}
	far := func(got, want []float64, loss float64) bool {
		for c, v := range want {
			if v-v == 0 && math.Abs(got[c]-v) > halfStep("f16", math.Abs(v)+loss, 0)+loss && math.Abs(v) < outOfRange {
				return true
			}
		}
		return false
	}
	got, offset := x.lay.Centre(x.page(t), h, side), x.lay.Mean(h, side)
	tokens, size := x.k, 0.0 // float32 rounds rows as they are decoded, without their centre
	if side == reference.Values {
		tokens = x.v
	}
	previous := mean(first-reference.Tokens, first, func(t int) []float64 {
		tok := &tokens[t*x.in.KVHeads+h]
		size = max(size, tok.norm+tok.muNorm)
		row := x.lay.StoredToken(x.pages, h, side, t)
		for c := range row {
			row[c] -= offset[c]
		}
		return row
	})
	if !far(got, previous, 4*u*size) {
		return nil
	}
	if st.Own {
		own := mean(first, first+reference.Tokens, func(t int) []float64 {
			row := widen(raw[(t*x.in.KVHeads+h)*d:][:d])
			if st.Rotate {
				row = reference.Hadamard(row)
			}
			for c := range row {
				row[c] -= offset[c]
			}
			return row
		})
		biggest := 0.0
		for t := first; t < min(first+reference.Tokens, x.in.KVLen); t++ {
			biggest = max(biggest, norm(widen(raw[(t*x.in.KVHeads+h)*d:][:d])))
		}
		if biggest-biggest != 0 || !far(got, own, appendError(biggest, 0, norm(offset), d, false, st.Rotate)) {
			return nil
		}
	}
	return fmt.Errorf("the centre is %v, the mean of the tile before %v", got, previous)
}

// checkRead compares what ReadKV gives back with the stored bytes.
func (in *Instance) checkRead() error {
	k, v := make([]float32, in.KVLen*in.KVHeads*in.DK), make([]float32, in.KVLen*in.KVHeads*in.DV)
	if err := in.Plan.ReadKV(in.Pages, in.Table, 0, in.KVLen, attention.Rows{F32: k}, attention.Rows{F32: v}); err != nil {
		return fmt.Errorf("ReadKV: %w", err)
	}
	x := in.newExact()
	for _, s := range []struct {
		side   reference.Side
		got    []float32
		tokens []token
		means  []float64
	}{{reference.Keys, k, x.k, x.meanK}, {reference.Values, v, x.v, x.meanV}} {
		d, st := x.side(s.side)
		for i := range s.tokens {
			tok := &s.tokens[i]
			want, size := add(tok.stored, tok.mu), norm(tok.stored)+tok.muNorm
			loss := 2*u*size + 0x1p-149
			if st.Rotate {
				want = reference.Hadamard(want)
				loss += rotationError(d, size+s.means[i%in.KVHeads])
			}
			for c, w := range want {
				if e := math.Abs(float64(s.got[i*d+c]) - w); !(e <= loss) && w-w == 0 && size < outOfRange {
					return fmt.Errorf("ReadKV gives %v for channel %d of token %d, the bytes say %v", s.got[i*d+c], c, i/in.KVHeads, w)
				}
			}
		}
	}
	return nil
}

// appendError bounds the norm of what Append does to a row of a norm in float32 before it
// meets its format: rotations of row and mean, two subtractions.
func appendError(row, offset, mean float64, d int, sink, rotate bool) float64 {
	err := 0.0
	if rotate {
		err = rotationError(d, row+mean)
	}
	if !sink {
		err += 4 * u * (row + mean + offset)
	}
	return err
}

// recorded is what a record must say: maxima and sums of squares over n finite tokens.
type recorded struct {
	maxErr, maxSize, err2, size2 float64
	scale2, stored               float64 // of values
	lost                         float64 // largest append error
	n                            float64
	unknown                      bool // a row that may have overflowed
}

// add takes in a row. Kernels that round what is stored read another one: the larger of each
// number counts.
func (r *recorded) add(side reference.Side, want []float64, tok *token, integer bool, size, lost float64) {
	var e2, s2, top float64
	for _, got := range [][]float64{tok.stored, tok.integers} {
		e2Of, s2Of := 0.0, 0.0
		for c, v := range got {
			e := math.Abs(want[c] - v)
			e2Of, s2Of, top = e2Of+e*e, s2Of+v*v, max(top, e)
		}
		e2, s2 = max(e2, e2Of), max(s2, s2Of)
	}
	if side == reference.Keys {
		top, size = math.Sqrt(e2), math.Sqrt(s2)
	} else {
		e2, s2 = e2/float64(len(want)), s2/float64(len(want))
		if integer {
			r.scale2 += tok.scale * tok.scale
		}
		r.stored = max(r.stored, reference.AbsMax(tok.stored), reference.AbsMax(tok.integers))
	}
	r.maxErr, r.maxSize, r.lost = max(r.maxErr, top), max(r.maxSize, size), max(r.lost, lost)
	r.err2, r.size2, r.n = r.err2+e2, r.size2+s2, r.n+1
	r.unknown = r.unknown || e2 > math.MaxFloat32/4 || s2 > math.MaxFloat32/4
}

// check allows for bfloat16: maxima are rounded up once, means at every token.
func (r *recorded) check(got reference.Record) error {
	const up, drift, tiny = 1 + 0x1p-7 + 0x1p-20, 0.25, 0x1p-120
	if r.unknown {
		if math.IsNaN(got.MaxErr + got.MaxSize + got.MeanErr2 + got.MeanSize2 + got.MeanScale2 + got.MaxStored) {
			return fmt.Errorf("the record has a NaN: %v", got)
		}
		return nil
	}
	within := func(got, low, high float64) bool { return got >= low && got <= high || high > math.MaxFloat32/4 }
	n := max(r.n, 1)
	for _, v := range []struct {
		name           string
		got, low, high float64
	}{
		{"largest error", got.MaxErr, r.maxErr*(1-0x1p-20) - r.lost, (r.maxErr+r.lost)*up + tiny},
		{"largest size", got.MaxSize, r.maxSize*(1-0x1p-20) - r.lost, (r.maxSize+r.lost)*up + tiny},
		{"mean square error", got.MeanErr2, math.Pow(max(0, math.Sqrt(r.err2/n)-r.lost), 2)*(1-drift) - tiny, math.Pow(math.Sqrt(r.err2/n)+r.lost, 2)*(1+drift) + tiny},
		{"mean square size", got.MeanSize2, r.size2/n*(1-drift) - tiny, r.size2/n*(1+drift) + tiny},
		{"mean square scale", got.MeanScale2, r.scale2/n*(1-drift) - tiny, r.scale2/n*(1+drift) + tiny},
		{"largest stored value", got.MaxStored, r.stored * (1 - 0x1p-20), r.stored*up + tiny},
	} {
		if !within(v.got, v.low, v.high) {
			return fmt.Errorf("the record has a %s of %v, want %v to %v", v.name, v.got, v.low, v.high)
		}
	}
	return nil
}

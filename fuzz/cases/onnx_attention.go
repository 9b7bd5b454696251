package cases

import (
	"fmt"
	"math"
)

// Input slots of the Attention operator.
const (
	slotQ = iota
	slotK
	slotV
	slotMask
	slotPastKey
	slotPastValue
	slotNonpad
)

// Attention converts an ONNX Attention (opset 23 to 25) or FlexAttention case to one problem per batch element.
//
// Rank 3 inputs [B][S][H*D] and rank 4 inputs [B][H][S][D] are read; past keys and values precede the new ones. The position of query row 0 is the
// past length, or nonpad_kv_seqlen[b]-Sq with an external cache, else 0 (even when there are more keys than rows). Boolean masks become 0 and
// -Inf, a short mask is padded with -Inf. softmax_precision and the optional outputs (present keys and values, qk_matmul_output) are not read.
// Cases named in [OutOfScope] give an error.
func (c *Onnx) Attention() ([]Attention, error) {
	if why, out := OutOfScope[c.Name]; out {
		return nil, fmt.Errorf("cases: %s: %s", c.Name, why)
	}
	if c.Op != "Attention" && c.Op != "FlexAttention" {
		return nil, fmt.Errorf("cases: %s: operator %s is not attention", c.Name, c.Op)
	}
	r := onnxReader{c: c}
	batch := r.problems()
	if r.err != nil {
		return nil, fmt.Errorf("cases: %s: %w", c.Name, r.err)
	}
	return batch, nil
}

// onnxReader keeps the first error, so that the conversion reads as a formula.
type onnxReader struct {
	c   *Onnx
	err error
}

func (r *onnxReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *onnxReader) int(name string, def int) int {
	x, err := r.c.Int(name, def)
	if err != nil {
		r.fail(err)
	}
	return x
}

func (r *onnxReader) float(name string, def float64) float64 {
	x, err := r.c.Float(name, def)
	if err != nil {
		r.fail(err)
	}
	return x
}

// heads is a tensor as [B][H][S][D].
type heads struct {
	b, h, s, d int
	x          []float64
}

// tensor reads rank 4 directly and splits the last dimension of rank 3 into n heads.
func (r *onnxReader) tensor(t *Tensor, n int) heads {
	if t == nil {
		r.fail(fmt.Errorf("missing tensor"))
		return heads{}
	}
	x, err := t.Floats()
	if err != nil {
		r.fail(err)
		return heads{}
	}
	switch s := t.Shape; {
	case len(s) == 4:
		return heads{s[0], s[1], s[2], s[3], x}
	case len(s) == 3 && n > 0 && s[2]%n == 0:
		y := heads{s[0], n, s[1], s[2] / n, make([]float64, len(x))}
		for b := range y.b {
			for i := range y.s {
				for h := range y.h {
					copy(y.x[((b*y.h+h)*y.s+i)*y.d:][:y.d], x[((b*y.s+i)*y.h+h)*y.d:])
				}
			}
		}
		return y
	}
	r.fail(fmt.Errorf("tensor %s has shape %v, heads %d", t.Name, t.Shape, n))
	return heads{}
}

// join puts past tokens in front of the new ones.
func (r *onnxReader) join(past, x heads) heads {
	if past.b != x.b || past.h != x.h || past.d != x.d {
		r.fail(fmt.Errorf("past [%d %d %d %d] does not fit new [%d %d %d %d]", past.b, past.h, past.s, past.d, x.b, x.h, x.s, x.d))
		return x
	}
	y := heads{x.b, x.h, past.s + x.s, x.d, nil}
	for bh := range x.b * x.h {
		y.x = append(y.x, past.x[bh*past.s*x.d:][:past.s*x.d]...)
		y.x = append(y.x, x.x[bh*x.s*x.d:][:x.s*x.d]...)
	}
	return y
}

func (r *onnxReader) problems() []Attention {
	c := r.c
	nq, nkv := r.int("q_num_heads", 0), r.int("kv_num_heads", 0)
	q := r.tensor(c.Input(slotQ), nq)
	k := r.tensor(c.Input(slotK), nkv)
	v := r.tensor(c.Input(slotV), nkv)
	y := r.tensor(c.Output(0), nq)
	if r.err != nil {
		return nil
	}
	offset := 0
	if past := c.Input(slotPastKey); past != nil {
		pk, pv := r.tensor(past, nkv), r.tensor(c.Input(slotPastValue), nkv)
		offset = pk.s
		k, v = r.join(pk, k), r.join(pv, v)
	}
	var nonpad []float64
	if t := c.Input(slotNonpad); t != nil {
		x, err := t.Floats()
		if err != nil || len(x) != q.b {
			r.fail(fmt.Errorf("nonpad_kv_seqlen %v: %w", x, err))
		}
		nonpad = x
	}
	mask, maskShape := r.mask()
	softcap, shift := r.scoreMod()
	if r.err != nil {
		return nil
	}
	base := Attention{
		Name: c.Name, QHeads: q.h, KVHeads: k.h, DK: q.d, DV: v.d, QLen: q.s, KVLen: k.s,
		Scale: r.float("scale", 1/math.Sqrt(float64(q.d))), Softcap: r.float("softcap", softcap),
		Causal: r.int("is_causal", 0) != 0, Offset: offset,
		WindowLeft: r.int("left_window_size", -1), WindowRight: r.int("right_window_size", -1),
		OutType: c.Output(0).DType,
	}
	batch := make([]Attention, q.b)
	for b := range batch {
		a := base
		if q.b > 1 {
			a.Name = fmt.Sprintf("%s/%d", c.Name, b)
		}
		if nonpad != nil {
			a.KVLen = int(nonpad[b])
			a.Offset = a.KVLen - a.QLen
		}
		a.Q = narrow(tokenMajor(q.x, b, q.h, q.s, q.d))
		ks, vs := narrow(tokenMajor(k.x, b, k.h, k.s, k.d)), narrow(tokenMajor(v.x, b, v.h, v.s, v.d))
		lk, lv := a.KVLen*k.h*k.d, a.KVLen*v.h*v.d
		a.K, a.KTail, a.V, a.VTail = ks[:lk:lk], ks[lk:], vs[:lv:lv], vs[lv:]
		if mask != nil {
			bias, err := expandBias(mask, maskShape, b, a.QHeads, a.QLen, a.KVLen)
			if err != nil {
				r.fail(err)
				return nil
			}
			a.Bias = bias
		}
		if shift != 0 {
			if a.Bias == nil {
				a.Bias = make([]float32, a.QHeads*a.QLen*a.KVLen)
			}
			for i := range a.Bias {
				a.Bias[i] += float32(shift)
			}
		}
		a.WantOut = narrow(tokenMajor(y.x, b, y.h, y.s, y.d))
		batch[b] = a
	}
	return batch
}

// mask returns the additive mask; booleans are turned into 0 and -Inf.
func (r *onnxReader) mask() ([]float64, []int) {
	t := r.c.Input(slotMask)
	if t == nil {
		return nil, nil
	}
	x, err := t.Floats()
	if err != nil {
		r.fail(err)
		return nil, nil
	}
	if t.DType == "bool" {
		for i, allowed := range x {
			if allowed != 0 {
				x[i] = 0
			} else {
				x[i] = math.Inf(-1)
			}
		}
	}
	return x, t.Shape
}

// scoreMod recognises the two score functions of the FlexAttention cases: scores + constant, and cap*tanh(scores/cap).
func (r *onnxReader) scoreMod() (softcap, shift float64) {
	g, err := r.c.Graph("score_mod")
	if err != nil {
		r.fail(err)
	}
	if g == nil || r.err != nil {
		return 0, 0
	}
	ops := ""
	for _, n := range g.Nodes {
		ops += n.Op + " "
	}
	if len(g.Initializers) == 1 && g.Initializers[0].Len() == 1 {
		x, err := g.Initializers[0].Floats()
		if err != nil {
			r.fail(err)
			return 0, 0
		}
		switch ops {
		case "Div Tanh Mul ":
			return x[0], 0
		case "Add ":
			return 0, x[0]
		}
	}
	r.fail(fmt.Errorf("unknown score_mod %s", ops))
	return 0, 0
}

package cases

// Attention is one attention problem with its expected output, the neutral form of every source. Layouts are dense and row-major.
//
//	p      = i + Offset
//	key j  takes part in row (h, i) iff j < KVLen, (!Causal or j <= p), (WindowLeft < 0 or j >= p-WindowLeft),
//	       (WindowRight < 0 or j <= p+WindowRight) and Bias[h][i][j] != -Inf
//	s      = Scale * q·k; if Softcap > 0: s = Softcap * tanh(s/Softcap); s -= ALiBi[h]*|p-j|; s += Bias[h][i][j]
//	denominator += exp(SinkLogits[h])
//	kv head of h = h / (QHeads/KVHeads)
//
// A row without keys has output +0 and LSE -Inf (the sink logit if there is one).
type Attention struct {
	// Name is unique: case name, batch index when there are several.
	Name string
	// QHeads, KVHeads, DK and DV are the head counts and the dimensions of keys and values.
	QHeads, KVHeads, DK, DV int
	// QLen and KVLen count query rows and valid keys.
	QLen, KVLen int
	// Scale multiplies q·k; it is always explicit. Softcap is 0 when there is none.
	Scale, Softcap float64
	// Causal hides keys behind the query position.
	Causal bool
	// Offset is the position of query row 0; it may be negative.
	Offset int
	// WindowLeft and WindowRight bound the distance to the query position; negative means unlimited.
	WindowLeft, WindowRight int
	// ALiBi and SinkLogits have QHeads elements or none.
	ALiBi, SinkLogits []float32
	// Bias is [QHeads][QLen][KVLen] or empty; -Inf masks.
	Bias []float32
	// Q is [QLen][QHeads][DK], K is [KVLen][KVHeads][DK], V is [KVLen][KVHeads][DV].
	Q, K, V []float32
	// KTail and VTail hold the rows behind KVLen that the source stores too (often NaN or infinity): they must never be read.
	KTail, VTail []float32
	// KExact and VExact hold the same values as K and V in float64 when float32 rounds them (scaled codes), else nil.
	KExact, VExact []float64
	// WantOut is [QLen][QHeads][DV] and WantLSE is [QLen][QHeads]; WantLSE is nil when the source gives none.
	WantOut, WantLSE []float32
	// WantRows is [QLen][QHeads] and tells which rows of WantOut and WantLSE are present; nil means all.
	WantRows []bool
	// OutType is the element type of the source's output, float32 or float16: it decides the tolerance.
	OutType string
}

// Wanted reports whether row i of query head h has an expected value.
func (a *Attention) Wanted(i, h int) bool { return a.WantRows == nil || a.WantRows[i*a.QHeads+h] }

// tokenMajor reorders the batch element b of x from [B][heads][tokens][d] to [tokens][heads][d].
func tokenMajor[T any](x []T, b, heads, tokens, d int) []T {
	y := make([]T, heads*tokens*d)
	for h := range heads {
		for t := range tokens {
			copy(y[(t*heads+h)*d:][:d], x[((b*heads+h)*tokens+t)*d:][:d])
		}
	}
	return y
}

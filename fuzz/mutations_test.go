package fuzz

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutations are mistakes in the library, one line each.
var mutations = []struct{ name, file, old, new string }{
	// scores
	{"keys keep their offset of 128", "asm/qk_generic.go", "acc[t] - 128*sum", "acc[t] - 127*sum"},
	{"mean of the keys not put back", "attention/tile.go", "w.mean[r] = float32(dot(row, mean)) * scale", "w.mean[r] = float32(0*dot(row, mean)) * scale"},
	{"mean of the keys not put back beside a centre", "attention/tile.go", "float32(w.b[r]*w.plain[r]) + w.mean[r]", "float32(w.b[r] * w.plain[r])"},
	{"mean of the sink tokens' keys subtracted", "attention/tile.go", "p.ks.ScaleF32(w.y, w.plain, w.zero, b.rows, n)", "p.ks.ScaleF32(w.y, w.plain, w.mean, b.rows, n)"},

	// weights
	{"weights rounded down", "asm/softmax_generic.go", "p[j] = byte(int32(float32(u*inv) + 0.5))", "p[j] = byte(int32(float32(u * inv)))"},
	{"value scales not folded in", "asm/softmax_generic.go", "u := float32(e[j]*x) * lift\n\t\tp[j]", "u := float32(e[j]*sv[0]+0*x) * lift\n\t\tp[j]"},
	{"codes a level too small", "asm/softmax_generic.go", "st.Beta = u / top", "st.Beta = u / (top + 1)"},
	{"low byte of 16-bit weights lost", "asm/softmax_generic.go", "hi[j], lo[j] = byte(p>>8), byte(p)", "hi[j], lo[j] = byte(p>>8), 0"},
	{"high plane times 255", "attention/values.go", "Beta: 256 * f.Beta", "Beta: 255 * f.Beta"},
	{"no √2 at odd codes", "asm/softmax_generic.go", "w *= math.Sqrt2", "w *= 1"},
	{"the zero code weighs", "asm/softmax_generic.go", "if k >= code.Zero {", "if k > code.Zero {"},
	{"wide last code without a limit", "asm/softmax_generic.go", "min(k, code.Last)", "k"},
	{"logarithmic codes rounded down", "asm/softmax_generic.go", "math.RoundToEven(float64(code.Step*(m-v)))", "math.Floor(float64(code.Step * (m - v)))"},
	{"maximum not rounded up to an octave", "asm/softmax_generic.go", "if code.Whole {", "if false {"},
	{"float weights a level too small", "attention/prob.go", "st.Beta = 1 / top", "st.Beta = 1 / (top + 1)"},
	{"float weights rounded down", "attention/prob.go", "float32(x*top) + 0.5", "float32(x * top)"},
	{"weights of sink tokens rounded", "attention/tile.go", "weigh := weighExp", "weigh := p.prob.weigh"},
	{"bfloat16 weights not rounded", "attention/prob_bf16.go", "b.p.ks.RoundBF16(b.w.y[:b.rows*Tile])", "_ = b"},
	{"FP8 gain of the other mode", "attention/prob.go", `fp8Weights("e4m3", roundE4M3, 256)`, `fp8Weights("e4m3", roundE4M3, 448)`},
	{"FP8 against the tile's maximum", "attention/prob_fp8.go", "if running > st.M {", "if running > st.M && false {"},
	{"FP8 mass not rescaled", "attention/prob_fp8.go", "st.M, st.L = running, float32(st.L*down)", "st.M = running"},
	{"integer exponential rounds at 2", "attention/prob_intexp.go", "t-1<<k >= 1<<(k-1)", "t-1<<k >= 1<<k"},
	{"integer exponential on a coarser grid", "attention/prob_intexp.go", "math.RoundToEven(float64(st.M-x) * (1 << intExpFrac))", "2 * math.RoundToEven(float64(st.M-x)*(1<<intExpFrac)/2)"},

	// states
	{"state not rescaled", "asm/advance_generic.go", "Fold{alpha, float32(g * st.Beta), share}", "Fold{1, float32(g * st.Beta), share}"},
	{"denominator not rescaled", "asm/advance_generic.go", "float32(alpha*l[i])", "l[i]"},
	{"tile not rescaled", "asm/advance_generic.go", "Fold{alpha, float32(g * st.Beta), share}", "Fold{alpha, st.Beta, share}"},
	{"centre without its mass", "asm/advance_generic.go", "Fold{alpha, float32(g * st.Beta), share}", "Fold{alpha, float32(g * st.Beta), g}"},
	{"splits merge without their mass", "attention/state.go", "L: other.l[i], Beta: 1}", "L: 1, Beta: 1}"},
	{"last visible value of a strip not summed", "attention/values.go", "last = max(last, v.hi)", "last = max(last, v.hi-1)"},
	{"mean of the values not put back", "attention/values.go", "case mean != nil:\n\t\treturn mean", "case mean != nil:\n\t\treturn nil"},
	{"mean of the values not put back beside a centre", "attention/values.go", "mu[c] += x", "mu[c] += 0 * x"},

	// normalised probabilities
	{"no dynamic correction", "attention/correction.go", "w.offset = (w.mass - w.codes/top) / w.n", "w.offset = 0"},
	{"no static correction", "attention/correction.go", "w.offset = k.Beta(head, int(w.n))", "w.offset = 0 * k.Beta(head, int(w.n))"},
	{"not renormalised", "attention/correction.go", "w.factor = w.mass / w.codes", "w.factor = 1 / top"},
	{"a row of zero codes stays zero", "attention/correction.go", "w.factor, w.offset = 0, w.mass/w.n", "w.factor = 0"},
	{"corrections give away the sink's share", "attention/prob_static.go", "w.mass = l * math.Exp2(m-w.m) / w.l", "w.mass = 0*(l*m) + 1"},
	{"probabilities rounded down", "attention/prob_static.go", "math.RoundToEven(top * w.probability(y))", "math.Floor(top * w.probability(y))"},

	// storage
	{"mean not rotated", "attention/mean.go", "if c.Rotate {", "if false {"},
	{"mean not subtracted", "attention/append.go", "x = p.withoutMean(buf, s, h, x)\n\t\tif s.codec.Center {", "if s.codec.Center {"},
	{"centre of the tile before counts once more", "attention/append.go", "float64(rows[at+c*step]) + float64(mu[c])", "float64(rows[at+c*step]) + 2*float64(mu[c])"},
	{"mean not in the layout ID", "attention/layout.go", "if s.codec.Mean != nil {", "if false {"},

	// certificates
	{"record of the last token only", "attention/certificate.go", "max(r.maxError, x.maxError), max(r.maxSize, x.maxSize), mean(", "x.maxError, max(r.maxSize, x.maxSize), mean("},
	{"record rounded down", "attention/certificate.go", "math.Float32bits(x) + 0xffff", "math.Float32bits(x) + 0"},
	{"record of the other side", "attention/layout.go", "at += recordBytes", "at += 0 * recordBytes"},
	{"records of one head", "attention/layout.go", "2 * recordBytes * (h*Tile + t)", "2 * recordBytes * (0*h + t)"},
	{"records not in the tile header", "attention/certificate.go", "join((*asm.TileRecord)(block[wholeRecord:]), k, v, Tile-first, false)", "join((*asm.TileRecord)(block[wholeRecord:]), record{}, record{}, Tile-first, false)"},
	{"bound without the weights' rounding", "asm/certify_generic.go", "float32(f.Beta*t.Step)", "float32(0*t.Step)"},
	{"bound without the weights' rounding to bfloat16", "attention/certificate.go", "float32(bf16Step * v.maxStored)", "0 * v.maxStored"},
	{"bound without the query's error", "attention/certificate.go", "times(err[i], most[4*i+1])", "times(0*err[i], most[4*i+1])"},
	{"certificate not rescaled", "asm/certify_generic.go", "float32(f.Alpha*sum[i])", "sum[i]"},
	{"estimate without the query's error", "asm/certify_generic.go", "float32(err2[i]*tile.At(5))", "float32(0*err2[i])"},
	{"estimate without the weights' rounding", "asm/certify_generic.go", "float32(f.Beta*float32(f.Beta*spread))", "0*spread"},
	{"estimate without the weights' rounding to bfloat16", "attention/certificate.go", "float32(bf16Step2 * v.size2)", "0 * v.size2"},
	{"estimate of squares that are not rescaled", "asm/certify_generic.go", "float32(float32(f.Alpha*f.Alpha)*squares[i])", "float32(f.Alpha*squares[i])"},
	{"bound without the keys' error", "attention/certificate.go", "times(norm[i], most[4*i])", "times(0*norm[i], most[4*i])"},
	{"bound without the values' error", "asm/certify_generic.go", "float32(f.Gamma*tile.At(3))", "float32(0*tile.At(3))"},
	{"bound with half the width of the values", "attention/certificate.go", "tanhBound(shift/2) * 2 *", "tanhBound(shift/2) *"},
	{"bound without the rotation back", "attention/certificate.go", "float32(worst * spread)", "float32(worst * min(spread, 1))"},
	{"estimate without the values' error", "asm/certify_generic.go", "+ tile.At(6)", "+ 0*tile.At(6)"},
	{"certificate of a row that sees a NaN", "attention/certificate.go", "b.w.split.cert.squares[r] = nan", "_ = r"},

	// observation
	{"observed without sink logits", "attention/observe.go", "row.sink(b.p.cfg.SinkLogits, b.queryHead(r))", "_ = row"},
	{"observed at the wrong keys", "attention/observe.go", "logits[r*n+b.base+j] = y", "logits[r*n+j] = y"},
}

// TestMutations makes every mistake in turn, in a build of its own, and wants a test of
// this package to notice. It takes minutes, hence QATTN_EXHAUSTIVE.
func TestMutations(t *testing.T) {
	if os.Getenv("QATTN_EXHAUSTIVE") == "" {
		t.Skip("set QATTN_EXHAUSTIVE: this builds the library once for every mistake")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	failed := regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				t.Skipf("the sources are not here: %v", err)
			}
			require.Equal(t, 1, bytes.Count(source, []byte(m.old)), "%q in %s", m.old, m.file)
			dir := t.TempDir()
			mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(mutant, bytes.Replace(source, []byte(m.old), []byte(m.new), 1), 0o644))
			list, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, m.file): mutant}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, list, 0o644))
			cmd := exec.Command("go", "test", "-count=1", "-failfast", "-vet=off", "-tags", "purego", "-overlay", overlay,
				"-run", "^(TestModes|TestRandomCases|TestCertifiedRows|TestCertifiedEstimate|TestLayoutIDs|TestSplits)$", ".")
			cmd.Env = append(os.Environ(), "QATTN_EXHAUSTIVE=")
			out, err := cmd.CombinedOutput()
			require.NotContains(t, string(out), "[build failed]", "%s", out)
			require.Error(t, err, "nothing notices")
			names := failed.FindAllSubmatch(out, -1)
			require.NotEmpty(t, names, "%s", out)
			t.Logf("%s notices", names[len(names)-1][1])
			if i := strings.Index(string(out), "exceeds"); i >= 0 {
				t.Log(strings.TrimSpace(string(out[max(0, i-100):min(len(out), i+80)])))
			}
		})
	}
}

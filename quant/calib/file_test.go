package calib

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"
)

func fullFile(t testing.TB, layers int) *File {
	rec := NewRecorder(ByLayer|ByHead, func(Site) Observer { return NewMSE(Unsigned(8)) })
	bias := NewBiasCalibrator(ByLayer, Prob8)
	for i := range layers {
		rec.Observe(Site{i, i % 4, 0, Tensor(i % 3)}, sample("skewed", 100+i))
		bias.ObserveRow(Site{i, 0, 0, Probs}, []float32{0.5, 0.25, 0.125, 0.0625, 0.0625}[:1+i%5])
	}
	uniform, err := rec.Uniform()
	if err != nil {
		t.Fatal(err)
	}
	repq, err := NewRepQ([]Uniform{Unsigned(8).Fit(-1, 2), Unsigned(8).Fit(-0.1, 0.3)})
	if err != nil {
		t.Fatal(err)
	}
	p := Site{0, All, All, Probs}
	return &File{Uniform: uniform, FP8: rec.FP8(E4M3, AbsMax), Log2: map[Site]Log2{p: {4}},
		LogSqrt2: map[Site]LogSqrt2{p: {4, 0.7}}, LogInt: map[Site]LogInt{p: {4, 1.0 / 16}},
		RepQ: map[Site]RepQ{{0, All, All, Inputs}: repq}, Bias: bias.Table()}
}

func TestFileRoundTrip(t *testing.T) {
	for _, f := range []*File{fullFile(t, 12), {}} {
		var a, b bytes.Buffer
		if err := f.Save(&a); err != nil {
			t.Fatal(err)
		}
		text := a.String()
		got, err := Load(&a)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("%+v, want %+v, %v", got, f, err)
		}
		if err := got.Save(&b); err != nil || b.String() != text {
			t.Errorf("saved again: %v\n%s\nwant\n%s", err, b.String(), text)
		}
	}
}

// TestFileErrors: every kind of damage is named by its path.
func TestFileErrors(t *testing.T) {
	const k = `{"version":1,"uniform":{"k/0/0/*":{"bits":8,"signed":true,"symmetric":true,"scale":0.5,"zero":0}}}`
	if _, err := Load(strings.NewReader(k)); err != nil {
		t.Fatal(err)
	}
	const at = `uniform["k/0/0/*"]`
	const bias = `{"version":1,"bias":{"axes":"layer","bits":8,"scale":0.004,"zero":0,"mass":{"p/0/*/*":[0.5]}}}`
	for _, c := range []struct{ text, old, new, field string }{
		{k, `"version":1,`, ``, "version"}, {k, `"version":1`, `"version":2`, "version"}, {k, `"version":1`, `"version":"1"`, "version"},
		{k, `"uniform"`, `"uniforms"`, "uniforms"}, {k, `"version":1`, `"version":1,"version":1`, "version"},
		{k, `k/0/0/*`, `k/00/0/*`, `uniform["k/00/0/*"]`}, {k, `k/0/0/*`, `k/0`, `uniform["k/0"]`},
		{k, `"bits":8`, `"bits":99`, at + ".bits"}, {k, `"bits":8`, `"bits":-1`, at + ".bits"}, {k, `"bits":8,`, ``, at + ".bits"},
		{k, `"bits":8`, `"bits":"8"`, at + ".bits"}, {k, `"bits":8`, `"bits":8.5`, at + ".bits"}, {k, `"bits":8`, `"bits":8,"Bits":8`, "uniform.k/0/0/*.Bits"},
		{k, `"signed":true`, `"signed":false`, at + ".signed"}, {k, `0.5`, `-0.5`, at + ".scale"}, {k, `0.5`, `1e39`, at + ".scale"}, {k, `0.5`, `1e-60`, at + ".scale"},
		{k, `"zero":0`, `"zero":1`, at + ".zero"}, {k, `"zero":0`, `"zero":99999999999`, at + ".zero"}, {k, `"zero":0`, `"zero":0,"x":1`, at},
		{k, `"zero":0`, `"zero":[[[[[[[[0]]]]]]]]`, "uniform.k/0/0/*.zero"}, {k, `{"k`, `[{"k`, ""}, {k, `}}}`, `}}} 1`, ""}, {k, `}}}`, `}}`, ""},
		{k, `"uniform":{`, `"uniform":[`, ""}, {k, k, `[]`, ""}, {k, k, ``, ""}, {k, k, `null`, "version"},
		{bias, `"layer"`, `"lyer"`, "bias"}, {bias, `0.004`, `0`, "bias.scale"}, {bias, `"zero":0`, `"zero":256`, "bias.zero"}, {bias, `"bits":8`, `"bits":0`, "bias.bits"},
		{bias, `p/0/*/*`, `p/0/0/*`, `bias.mass["p/0/0/*"]`}, {bias, `p/0/*/*`, `k/0/*/*`, `bias.mass["k/0/*/*"]`}, {bias, `[0.5]`, `[]`, `bias.mass["p/0/*/*"]`},
		{bias, `p/0/*/*`, `p/0/*`, "bias"}, {bias, `[0.5]`, `[1e999]`, "bias.mass"}, {bias, `[0.5]`, `7`, "bias.mass"},
	} {
		text := strings.Replace(c.text, c.old, c.new, 1)
		_, err := Load(strings.NewReader(text))
		var field *FieldError
		switch {
		case err == nil:
			t.Errorf("%s is accepted", text)
		case c.field != "" && (!errors.As(err, &field) || field.Field != c.field):
			t.Errorf("%s: %v, want field %s", text, err, c.field)
		}
	}
	site, nan := Site{Tensor: Probs}, math.NaN()
	for path, f := range map[string]*File{
		`fp8["p/0/0/0"].type`:        {FP8: map[Site]FP8{site: {Scale: 1}}},
		`fp8["p/0/0/0"].policy`:      {FP8: map[Site]FP8{site: {E4M3, "", 1}}},
		`fp8["p/0/0/0"].scale`:       {FP8: map[Site]FP8{site: {E4M3, PolicyCScale, 3}}},
		`fp8["p/-2/0/0"]`:            {FP8: map[Site]FP8{{Layer: -2, Tensor: Probs}: Static(E5M2, 1)}},
		`log2["p/0/0/0"].bits`:       {Log2: map[Site]Log2{site: {9}}},
		`logsqrt2["p/0/0/0"].scale`:  {LogSqrt2: map[Site]LogSqrt2{site: {4, nan}}},
		`logsqrt2["p/0/0/0"].bits`:   {LogSqrt2: map[Site]LogSqrt2{site: {1, 1}}},
		`logint["p/0/0/0"].scale`:    {LogInt: map[Site]LogInt{site: {4, 2}}},
		`repq["p/0/0/0"].layer.bits`: {RepQ: map[Site]RepQ{site: {}}},
		`repq["p/0/0/0"].r1`:         {RepQ: map[Site]RepQ{site: {Layer: Unsigned(4).Fit(0, 1), R1: []float64{1}}}},
		`repq["p/0/0/0"].r2`:         {RepQ: map[Site]RepQ{site: {Unsigned(4).Fit(0, 1), []float64{1}, []int32{math.MaxInt32}}}},
		`bias.axes`:                  {Bias: &BiasTable{Axes: 8, ProbGrid: Prob8}},
		`bias.mass["p/0/0/0"]`:       {Bias: &BiasTable{allAxes, Prob8, map[Site][]float64{site: {nan}}}},
	} {
		var field *FieldError
		if err := f.Save(io.Discard); !errors.As(err, &field) || field.Field != path {
			t.Errorf("%v, want field %s", err, path)
		}
	}
}

// FuzzLoad: no input panics, and what loads is valid, usable and saved the same for ever.
func FuzzLoad(f *testing.F) {
	var full bytes.Buffer
	if err := fullFile(f, 1).Save(&full); err != nil {
		f.Fatal(err)
	}
	f.Add(full.Bytes())
	for _, seed := range []string{`{"version":1}`, `{"version":1,"bias":null,"uniform":null}`, `{"version":1,"log2":{"p/0/*/*":{"bits":4}}}`,
		`{"version":1,"bias":{"axes":"none","bits":8,"scale":0.004,"zero":0,"mass":{"p/*/*/*":[0.5,-1]}}}`, strings.Repeat("[", 1000), "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Load(bytes.NewReader(data))
		if err != nil {
			return
		}
		var a, b bytes.Buffer
		if err := file.Save(&a); err != nil {
			t.Fatal(err)
		}
		first := a.String()
		again, err := Load(&a)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Save(&b); err != nil || b.String() != first {
			t.Fatalf("saved again: %v\n%s\nwant\n%s", err, b.String(), first)
		}
		for _, u := range file.Uniform {
			u.Value(u.Code(1))
		}
		for _, q := range file.FP8 {
			if err := q.Format().(interface{ Check() error }).Check(); err != nil {
				t.Fatal(err)
			}
		}
		for l := range maps.Values(file.LogInt) {
			l.Codes(make([]int16, 3), []int32{math.MinInt32, 0, math.MaxInt32})
		}
		for _, l := range file.LogSqrt2 {
			l.Value(l.Code(0.3))
		}
		for _, r := range file.RepQ {
			if err := AdjustNorm(r, make([]float32, len(r.R1)), make([]float32, len(r.R1))); err != nil {
				t.Fatal(err)
			}
		}
		if file.Bias != nil {
			file.Bias.IntZeroPoint(file.Bias.Beta(0, 0, 0, 100))
		}
	})
}

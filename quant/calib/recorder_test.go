package calib

import (
	"errors"
	"reflect"
	"sync"
	"testing"
)

// TestRecorder: pooling, concurrent feeding and merging give what one pass gives.
func TestRecorder(t *testing.T) {
	newRecorder := func() *Recorder {
		return NewRecorder(ByLayer|ByHead, func(s Site) Observer {
			switch s.Tensor {
			case Queries, Keys:
				return NewMSE(Symmetric(8))
			case Probs:
				return NewPercentile(Unsigned(8), 0.999)
			}
			return nil
		})
	}
	x := sample("gauss", 8000)
	feed := func(r Hook, i int) {
		r.Observe(Site{i % 2, i % 3, i % 5, Tensor(i % int(tensors))}, x[10*i:10*i+10])
	}
	one, many, parts := newRecorder(), newRecorder(), []*Recorder{newRecorder(), newRecorder()}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < 800; i += 4 {
				feed(many, i)
			}
		})
	}
	wg.Wait()
	for i := range 800 {
		feed(one, i)
		feed(HookFunc(parts[i/7%2].Observe), i)
	}
	if err := parts[0].Merge(parts[1]); err != nil {
		t.Fatal(err)
	}
	want, err := one.Uniform()
	if err != nil || len(want) != len(one.Sites()) || len(want) == 0 {
		t.Fatal(len(want), err)
	}
	for _, r := range []*Recorder{many, parts[0]} {
		got, err := r.Uniform()
		if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(r.Sites(), one.Sites()) {
			t.Errorf("%v, %v", got, err)
		}
	}
	for _, s := range one.Sites() {
		if s.Step != All || s.Tensor == Values || one.Observer(Site{s.Layer, s.Head, 77, s.Tensor}) != one.sites[s].Observer {
			t.Errorf("site %v", s)
		}
		lo, hi := one.Observer(s).Range()
		if got := one.FP8(E4M3, Amax)[s]; got != Amax(E4M3, max(-lo, hi)) {
			t.Errorf("%v: %+v", s, got)
		}
	}
	if one.Observer(Site{Tensor: Values}) != nil || one.Observer(Site{Layer: 99}) != nil {
		t.Error("an observer where none is recorded")
	}

	other := NewRecorder(ByLayer|ByHead, func(Site) Observer { return NewMinMax(Symmetric(8)) })
	other.Observe(Site{Tensor: Keys}, nil)
	if err := one.Merge(other); err == nil || one.Merge(one) == nil || one.Merge(NewRecorder(ByStep, nil)) == nil {
		t.Error("merged what does not fit")
	}
	if _, err := other.Uniform(); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
}

func TestPerChannel(t *testing.T) {
	pick := func(int) Observer { return NewMinMax(Unsigned(8)) }
	a, b := NewPerChannel(3, pick), NewPerChannel(3, pick)
	if _, err := a.Quantizers(); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
	a.Observe([]float32{0, 1, 2, 3, 4, 5})
	b.Observe([]float32{-1, 255, 0})
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	u, err := a.Quantizers()
	want := []Uniform{Unsigned(8).Fit(-1, 3), Unsigned(8).Fit(0, 255), Unsigned(8).Fit(0, 5)}
	if err != nil || !reflect.DeepEqual(u, want) {
		t.Errorf("%+v, want %+v, %v", u, want, err)
	}
	if a.Merge(NewPerChannel(2, pick)) == nil || a.Merge(NewPerChannel(3, func(int) Observer { return NewMSE(Unsigned(8)) })) == nil {
		t.Error("merged what does not fit")
	}
}

func TestSiteText(t *testing.T) {
	for _, s := range []Site{{}, {3, 7, All, Keys}, {All, All, All, Inputs}, {1<<31 - 1, 0, 12, Probs}} {
		if got, err := ParseSite(s.String()); err != nil || got != s {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	for _, bad := range []string{"", "k", "k/1/2", "k/1/2/3/4", "K/1/2/3", "kk/1/2/3", "invalid/1/2/3", "/1/2/3",
		"k/01/2/3", "k/+1/2/3", "k/-1/2/3", "k/1/2/", "k/1/2/2147483648", "k/1/2/3 ", "qk/1/2/3"} {
		if s, err := ParseSite(bad); err == nil {
			t.Errorf("%q gives %v", bad, s)
		}
	}
	for a := range allAxes + 1 {
		var b Axes
		if err := b.UnmarshalText([]byte(a.String())); err != nil || a != b {
			t.Errorf("%v: %v, %v", a, b, err)
		}
	}
	var a Axes
	if a.UnmarshalText([]byte("head+layer")) == nil || a.UnmarshalText(nil) == nil {
		t.Error("other spellings of axes are accepted")
	}
}

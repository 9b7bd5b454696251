package calib

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Tensor names an operand of an attention call.
type Tensor uint8

const (
	Queries Tensor = iota // rows of DK floats, as passed in
	Keys                  // rows of DK floats
	Values                // rows of DV floats
	Logits                // scores of one query row after scale, cap and bias, visible keys only
	Probs                 // softmax of one query row, visible keys only
	Inputs                // rows that enter the QKV projection: the output of LayerNorm
	tensors
)

const tensorNames = "qkvspx"

// String returns "q", "k", "v", "s", "p" or "x".
func (t Tensor) String() string {
	if t >= tensors {
		return "invalid"
	}
	return tensorNames[t : t+1]
}

// All in a field of a Site stands for every value of it.
const All = -1

// Site is a place where data is observed. Layer and Head count from 0; Step is the
// denoising step of a diffusion model and 0 elsewhere.
type Site struct {
	Layer, Head, Step int
	Tensor            Tensor
}

// String returns "tensor/layer/head/step" with "*" for All, such as "k/3/7/*".
func (s Site) String() string {
	at := func(i int) string {
		if i == All {
			return "*"
		}
		return strconv.Itoa(i)
	}
	return s.Tensor.String() + "/" + at(s.Layer) + "/" + at(s.Head) + "/" + at(s.Step)
}

// ParseSite is the inverse of String. It takes no other spelling.
func ParseSite(text string) (Site, error) {
	var s Site
	part := strings.Split(text, "/")
	if t := strings.Index(tensorNames, part[0]); t >= 0 && len(part) == 4 {
		s.Tensor = Tensor(t)
		for i, dst := range []*int{&s.Layer, &s.Head, &s.Step} {
			*dst = All
			if n, err := strconv.ParseUint(part[i+1], 10, 31); err == nil {
				*dst = int(n)
			}
		}
		if s.String() == text {
			return s, nil
		}
	}
	return Site{}, fmt.Errorf("calib: site %q, want tensor/layer/head/step such as k/3/7/*", text)
}

// check reports a site whose text does not parse back.
func (s Site) check(path string) error {
	if _, err := ParseSite(s.String()); err != nil {
		return fieldErr(path, "%v", err)
	}
	return nil
}

// MarshalText returns String.
func (s Site) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is ParseSite.
func (s *Site) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSite(string(text))
	return err
}

// compareSites orders by tensor, layer, head, step.
func compareSites(a, b Site) int {
	return cmp.Or(cmp.Compare(a.Tensor, b.Tensor), cmp.Compare(a.Layer, b.Layer),
		cmp.Compare(a.Head, b.Head), cmp.Compare(a.Step, b.Step))
}

// Axes are the fields of a Site that are kept apart; sites that differ elsewhere are
// pooled. Tensors are never pooled.
type Axes uint8

const (
	ByLayer Axes = 1 << iota
	ByHead
	ByStep
	allAxes = ByLayer | ByHead | ByStep
)

// Pool returns s with All in the fields that are not in a.
func (a Axes) Pool(s Site) Site {
	if a&ByLayer == 0 {
		s.Layer = All
	}
	if a&ByHead == 0 {
		s.Head = All
	}
	if a&ByStep == 0 {
		s.Step = All
	}
	return s
}

var axisNames = []string{"layer", "head", "step"}

// String returns the axes joined by "+", such as "layer+head", or "none".
func (a Axes) String() string {
	var names []string
	for i, name := range axisNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "+")
}

// MarshalText returns String.
func (a Axes) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is the inverse of String.
func (a *Axes) UnmarshalText(text []byte) error {
	for *a = 0; *a <= allAxes; *a++ {
		if a.String() == string(text) {
			return nil
		}
	}
	return fmt.Errorf("calib: axes %q, want names out of %q joined by +, or none", text, axisNames)
}

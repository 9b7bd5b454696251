package calib

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Version is the version of the JSON that Save writes and Load accepts.
const Version = 1

// File is everything a calibration can produce, by site. Empty sections are left out.
type File struct {
	Uniform  map[Site]Uniform  `json:"uniform,omitempty"`
	FP8      map[Site]FP8      `json:"fp8,omitempty"`
	Log2     map[Site]Log2     `json:"log2,omitempty"`
	LogSqrt2 map[Site]LogSqrt2 `json:"logsqrt2,omitempty"`
	LogInt   map[Site]LogInt   `json:"logint,omitempty"`
	RepQ     map[Site]RepQ     `json:"repq,omitempty"`
	Bias     *BiasTable        `json:"bias,omitempty"`
}

// Save writes f as indented JSON. Equal files give equal bytes: keys are in string
// order and numbers in their shortest form that reads back exactly. A value that Load
// would refuse is an error and nothing is written.
func (f *File) Save(w io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(struct {
		Version int `json:"version"`
		*File
	}{Version, f}, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// sections lists the maps of f by their JSON names.
func (f *File) sections() map[string]section {
	return map[string]section{
		"uniform": sectionOf[Uniform]{&f.Uniform}, "fp8": sectionOf[FP8]{&f.FP8},
		"log2": sectionOf[Log2]{&f.Log2}, "logsqrt2": sectionOf[LogSqrt2]{&f.LogSqrt2},
		"logint": sectionOf[LogInt]{&f.LogInt}, "repq": sectionOf[RepQ]{&f.RepQ},
	}
}

type section interface {
	check(name string) error
	load(name string, data json.RawMessage) error
}

// sectionOf has values whose check returns a *FieldError below path.
type sectionOf[V interface{ check(path string) error }] struct{ m *map[Site]V }

func (f *File) check() error {
	sections := f.sections()
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		if err := sections[name].check(name); err != nil {
			return err
		}
	}
	if f.Bias != nil {
		return f.Bias.check("bias")
	}
	return nil
}

func (s sectionOf[V]) check(name string) error {
	for _, site := range sortedSites(*s.m) {
		at := fmt.Sprintf("%s[%q]", name, site)
		if err := site.check(at); err != nil {
			return err
		}
		if err := (*s.m)[site].check(at); err != nil {
			return err
		}
	}
	return nil
}

func sortedSites[V any](m map[Site]V) []Site { return slices.SortedFunc(maps.Keys(m), compareSites) }

// Load reads what Save wrote. Anything else is an error, a *FieldError with the path of
// the field wherever there is one: another version, unknown or repeated keys, values out
// of range, data after the end. Memory is proportional to the input.
func Load(r io.Reader) (*File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("calib: %w", err)
	}
	keys := json.NewDecoder(bytes.NewReader(data))
	keys.UseNumber()
	if err := checkKeys(keys, "", 0); err != nil {
		return nil, err
	}
	var version int
	if err := decode(top["version"], "version", &version); err != nil {
		return nil, err
	}
	if version != Version {
		return nil, fieldErr("version", "%d, this library reads %d", version, Version)
	}
	var f File
	for _, name := range slices.Sorted(maps.Keys(top)) {
		if err := f.load(name, top[name]); err != nil {
			return nil, err
		}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return &f, nil
}

func (f *File) load(name string, data json.RawMessage) error {
	if s := f.sections()[name]; s != nil {
		return s.load(name, data)
	}
	switch name {
	case "version":
		return nil
	case "bias":
		return decode(data, name, &f.Bias)
	}
	return fieldErr(name, "unknown field")
}

func (s sectionOf[V]) load(name string, data json.RawMessage) error {
	var entries map[string]json.RawMessage
	if err := decode(data, name, &entries); err != nil {
		return err
	}
	*s.m = make(map[Site]V, len(entries))
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		at := fmt.Sprintf("%s[%q]", name, key)
		site, err := ParseSite(key)
		if err != nil {
			return fieldErr(at, "%v", err)
		}
		var v V
		if err := decode(entries[key], at, &v); err != nil {
			return err
		}
		(*s.m)[site] = v
	}
	return nil
}

// decode is strict json.Unmarshal with errors that start with the path.
func decode(data json.RawMessage, path string, v any) error {
	if data == nil {
		return fieldErr(path, "missing")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	var mismatch *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mismatch) && mismatch.Field != "":
		field := mismatch.Field
		if _, inner, ok := strings.Cut(field, "Grid."); ok { // the embedded struct is not in the text
			field = inner
		}
		return fieldErr(path+"."+field, "%s does not fit %s", mismatch.Value, mismatch.Type)
	}
	return fieldErr(path, "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// maxDepth is more than any valid file nests.
const maxDepth = 8

// checkKeys reads one valid JSON value and reports a key that an object has twice;
// package json would keep the last one, and take "Scale" for "scale".
func checkKeys(dec *json.Decoder, path string, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("calib: %w", err)
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fieldErr(path, "nested too deeply")
	}
	seen := map[string]bool{}
	for dec.More() {
		at := path
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return fmt.Errorf("calib: %w", err)
			}
			name := key.(string)
			at = strings.TrimPrefix(path+"."+name, ".")
			fold := strings.ToLower(name)
			if seen[fold] {
				return fieldErr(at, "given twice")
			}
			seen[fold] = true
		}
		if err := checkKeys(dec, at, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

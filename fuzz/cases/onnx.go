package cases

import (
	"encoding/json"
	"fmt"
)

// Onnx is one onnx-node-case/1 case: a single operator with its inputs and expected outputs, from the ONNX backend node tests.
type Onnx struct {
	Name       string               `json:"name"`
	Op         string               `json:"op"`
	Domain     string               `json:"domain"`
	Opset      int                  `json:"opset"`
	Attributes map[string]OnnxValue `json:"attributes"`
	Features   []string             `json:"features"`
	RTol       float64              `json:"rtol"`
	ATol       float64              `json:"atol"`
	Inputs     []Tensor             `json:"inputs"`
	Outputs    []Tensor             `json:"outputs"`
}

// OnnxValue is a typed attribute: int, float, string, ints or graph.
type OnnxValue struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// OnnxGraph is a small function given as an attribute, such as the score_mod of FlexAttention.
type OnnxGraph struct {
	Inputs       []string   `json:"inputs"`
	Outputs      []string   `json:"outputs"`
	Initializers []Tensor   `json:"initializers"`
	Nodes        []OnnxNode `json:"nodes"`
}

// OnnxNode is one operator of a graph.
type OnnxNode struct {
	Op      string   `json:"op"`
	Inputs  []string `json:"inputs"`
	Outputs []string `json:"outputs"`
}

// LoadOnnx reads one onnx-node-case/1 file.
func LoadOnnx(path string) (*Onnx, error) {
	c := new(Onnx)
	return c, LoadJSON(path, c)
}

// Input returns the tensor in an input slot, or nil when the optional input is missing.
func (c *Onnx) Input(slot int) *Tensor { return inSlot(c.Inputs, slot) }

// Output returns the tensor in an output slot, or nil.
func (c *Onnx) Output(slot int) *Tensor { return inSlot(c.Outputs, slot) }

func inSlot(tensors []Tensor, slot int) *Tensor {
	for i := range tensors {
		if tensors[i].Slot == slot {
			return &tensors[i]
		}
	}
	return nil
}

// Int returns an integer attribute or its default.
func (c *Onnx) Int(name string, def int) (int, error) {
	x, err := c.Float(name, float64(def))
	return int(x), err
}

// Float returns a numeric attribute or its default.
func (c *Onnx) Float(name string, def float64) (float64, error) {
	v, ok := c.Attributes[name]
	if !ok {
		return def, nil
	}
	var n Number
	if err := json.Unmarshal(v.Value, &n); err != nil {
		return 0, fmt.Errorf("cases: %s: attribute %s: %w", c.Name, name, err)
	}
	return float64(n), nil
}

// Graph returns a graph attribute, or nil.
func (c *Onnx) Graph(name string) (*OnnxGraph, error) {
	v, ok := c.Attributes[name]
	if !ok {
		return nil, nil
	}
	g := new(OnnxGraph)
	if err := json.Unmarshal(v.Value, g); err != nil {
		return nil, fmt.Errorf("cases: %s: attribute %s: %w", c.Name, name, err)
	}
	return g, nil
}

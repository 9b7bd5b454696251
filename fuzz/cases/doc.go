// Package cases loads test data written by others: operator test cases, attention grids, conversion tables, golden vectors and dumps of real
// models. It only reads and reshapes; nothing here computes attention, and it imports no other package of the module, so that the oracle and the
// kernels can both be judged by the same numbers.
//
// Most of the data is not part of the repository. Tests find it with [Dir] or [Sub], which skip the test with the reason when it is absent:
//
//	for _, path := range cases.Files(t, "conformance", "open", "grid", "*.json") {
//		c, err := cases.LoadGrid(path)
//		...
//		batch, err := c.Attention()
//		for _, a := range batch { ... }
//	}
//
// Attention problems of every source become one neutral struct, [Attention], one per batch element.
package cases

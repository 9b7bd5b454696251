// Package quant holds the number formats in which keys and values are stored, one
// file each, behind the Format contract, and the codec steps around them: Hadamard
// rotation and binary16 centres.
//
// A format knows how a row of floats becomes token t of a tile and how a tile
// becomes operands of the micro-kernels in package asm. It knows nothing of
// attention, of pages or of instruction sets. The byte layouts are written down in
// ARCHITECTURE.md, section 2.2.
//
// Formats are values: compare and copy them freely. All methods are safe for
// concurrent use as long as no two calls write the same tile.
package quant

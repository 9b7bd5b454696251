package asm

// fetch_generic is the specification of FetchFunc: there is nothing to see.
func fetch_generic([]byte) {}

package asm

// arch lists the assembly kernels of this architecture; none exist yet.
var arch []Entry

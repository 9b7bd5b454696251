module github.com/qattn/qattn/bench

go 1.26.0

replace github.com/qattn/qattn => ../

require (
	github.com/ollama/ollama v0.17.4
	github.com/qattn/qattn v0.0.0-00010101000000-000000000000
	github.com/x448/float16 v0.8.4
	golang.org/x/sys v0.49.0
)

require golang.org/x/sync v0.17.0 // indirect

module github.com/qattn/qattn/bench

go 1.26

replace github.com/qattn/qattn => ../

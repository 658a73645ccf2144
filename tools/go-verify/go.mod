module meshroot.dev/go-verify

go 1.26.0

module crossover/go-std

go 1.25.0

require crossover/contract v0.0.0

replace crossover/contract => ../shared/go

module teal/drive

go 1.25.0

require (
	github.com/golang-migrate/migrate/v4 v4.19.1
	github.com/lib/pq v1.12.3
)

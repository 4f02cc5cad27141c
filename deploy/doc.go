// Package deploy holds what installations are made of, and tests that it fits the binary: the unit for systemd, the
// configurations of nginx and Caddy, and, in the folder above, Dockerfile and docker-compose.yml.
package deploy

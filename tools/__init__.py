"""Set-up, packaging and generated documentation. Run by the Makefile; `make help` lists the targets."""

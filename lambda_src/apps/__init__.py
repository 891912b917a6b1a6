"""Applications, and what applications are made of."""

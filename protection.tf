# Keys, secrets and the edge: one module block, variable and output per capability.

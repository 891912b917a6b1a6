# Identity: one module block, variable and output per capability.

"""The function `check` reads each name of the cache; the folder `layer` has the extension and its client."""

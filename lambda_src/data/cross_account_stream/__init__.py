"""Records of Kinesis streams kept in a table: `consume` is the function, `records` reads, `table` writes."""

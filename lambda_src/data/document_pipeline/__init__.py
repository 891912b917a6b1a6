"""Documents of any size become page images, each page goes through a model, and each page has one row that says so.

`listing` finds the documents of a batch, `intake` gives each its ID, counts its pages and chooses its route, `render`
draws a range of pages, `infer` sends their images to the endpoint, and `failsafe` completes what failed again and
again. `ledger` is the audit trail in DynamoDB, `rows` its copy for SQL. Only `child`, which runs in a process with
limits and without credentials (`sandbox`), parses a document.
"""

"""Find work in the handlers of Lambda functions that belongs in initialization.

    python -m tools.profile_check PATH [PATH …]

A call graph starts at each handler and follows helpers within a module, across modules of a package, and into methods.
Work counts if it is repeated in each call with arguments that never change: clients, sessions, engines, compiled
patterns, and secrets. It does not count if an argument depends on the event or on a result, or if its value is kept in
a module global, a class or `functools.cache`. The rules are the ones of rules.py; the reasons are those of
https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html. It needs Python's standard library only.

- files: which files there are, and their text: one odd file is a row
- modules: what a file defines and imports, and which of its functions are handlers
- rules: which constructions are expensive, and what to do instead
- caching: which values a function keeps from call to call
- walk: the call graph, with what depends on the event
"""

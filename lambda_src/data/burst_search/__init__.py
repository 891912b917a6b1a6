"""One search over very many objects, as a burst of short calls.

`plan` lists the objects and divides them into batches, `dispatch` calls itself in a tree and then the workers, `worker`
searches one batch, `monitor` finds what was lost and calls it again, `combine` sorts and stores the result. What is
searched for is a plug-in (`plugin`). A state machine calls `plan`, `monitor` and `combine`.
"""

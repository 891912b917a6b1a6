"""Training by conversation, and what learners think of it.

`hook` is the code hook of a Lex bot, `analyse` turns feedback into rows for Athena, `page` serves the learners' page.
"""

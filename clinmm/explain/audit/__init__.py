"""The audit of explanations: one test a file; the file's name is the name of its family of tests.

A file defines

    TESTS         name of each test that it reads off -> what it asks, in a sentence for the reader
    measure(look) -> list[Reading]

and gives, for one case, class and method, a number for each input that the test is about (or for
`joint`, all inputs together). `parts/` holds what tests share; the verdict is made of the means
over cases, by the rules of the config (`parts/rules.py`).
"""

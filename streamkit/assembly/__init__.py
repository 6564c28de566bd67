"""Run time: tokens along a tree of nodes to typed values and changes.

text_machine   the state machine behind `accumulate` and `validate`: text in, changes out, one `end`
assembler      receives the tokens; its head explains the whole and names the other files
"""

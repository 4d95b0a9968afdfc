"""Scoring many messages: the input is cut into pieces, and a task of Spark scores each into a file of its own.

| module | what |
| --- | --- |
| pieces.py | the input's files, and where a piece of them begins and ends |
| rows.py | the rows of a piece, and why one of them cannot be scored |
| worker.py | what a task does: a piece of the input to a file of the output |
| folder.py | the output: what it was begun with, which pieces are finished, and their counts |
| cluster.py | the session of Spark, and what it needs of this machine |
| service.py | the service's call log as input, and its cache as output |

The rows go from the file to Python without Java in between: Spark's readers replace bytes that are no UTF-8 by another
character without a word, and cut the input by the number of cores, so that a second run could not go on with the first.
"""

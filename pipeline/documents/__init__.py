"""Records to prepared documents, and a failure for each record that is none.

May import `inputs` and below.
"""

"""What every source gives: records with their places, lines, ids, and the check of texts.

May import `settings` and below.
"""

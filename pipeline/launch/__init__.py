"""What a job on other machines needs: this program itself, and on Dataflow the right machines.

May import `settings` and below.
"""

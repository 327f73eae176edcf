"""How commands are declared, read and answered: options, output, interruptions.

May import `settings` and below.
"""

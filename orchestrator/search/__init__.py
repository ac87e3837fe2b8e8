"""What to try next and whether it is good enough: gates, the judge, policy and strategies.

Pure and seeded: the same target and the same attempts give the same answer, on any machine and
after any restart. Nothing here submits, scores, waits or writes.
"""

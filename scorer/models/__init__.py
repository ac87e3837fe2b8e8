"""Models: from the name that a user gives to a network that turns pictures and texts into vectors.

`name` reads the name, `source` finds the weights it stands for, `checkpoint` looks into a weights
file before it is loaded, `clip_model` is the loaded network, `scenes/` is the small model shipped
with the scorer. What the vectors are compared for is the business of `scorer.metrics`.
"""
